"""Adds copies at other speeds, as further speakers, to a data directory."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.kaldi.datadir import DataDir
from timbre.kaldi.perturb import add_speed_copies


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", help="data directory")
    parser.add_argument("out", help="data directory to write")
    parser.add_argument("speeds", nargs="+", type=float, help="0.9 1.1: played at 0.9 and 1.1 times the speed")


def main(args: argparse.Namespace) -> None:
    add_speed_copies(DataDir(args.data), args.speeds, Path(args.out))
