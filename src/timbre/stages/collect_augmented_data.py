"""Makes the data directory of originals and augmented copies, after counting what the jobs wrote."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=int, required=True, help="how many jobs there were")
    parser.add_argument("--max-skipped", type=float, default=0.05, help="the largest fraction that may be skipped")
    parser.add_argument("data", help="data directory of the originals")
    parser.add_argument("out", help="data directory of originals and copies")


def main(args: argparse.Namespace) -> None:
    from timbre.features.augment_data import collect_copies

    print(collect_copies(DataDir(args.data), Path(args.out), args.jobs, args.max_skipped))
