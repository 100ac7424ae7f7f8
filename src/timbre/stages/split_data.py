"""Splits a data directory into DIR/splitN/1 .. N for N jobs; nothing happens when that is up to date."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.kaldi.split import split


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--per-utt", action="store_true", help="split speakers too, into DIR/splitNutt")
    parser.add_argument("--out", type=Path, help="write the parts to OUT/1 .. N instead")
    parser.add_argument("data", help="data directory")
    parser.add_argument("number", type=int, help="how many parts")


def main(args: argparse.Namespace) -> None:
    split(args.data, args.number, args.per_utt, args.out)
