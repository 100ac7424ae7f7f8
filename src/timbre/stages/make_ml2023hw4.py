"""Make a stand-in for the data of ML 2023 homework 4 from the features of a data directory."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.corpora.ml2023hw4_stand_in import lay_out
from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", required=True, help="data directory with feats.scp")
    parser.add_argument("--out", type=Path, required=True, help="folder of the stand-in; files there are kept")
    parser.add_argument("--test-share", type=float, default=0.1, help="share of each speaker's utterances to test")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of those")


def main(args: argparse.Namespace) -> None:
    print(lay_out(DataDir(args.data), args.out, args.test_share, args.seed))
