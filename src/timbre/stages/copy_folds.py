"""Makes folds that stand already, of a directory of features: OUT/<k>/{train,test} and OUT/test.

OUT/test are the tested utterances of all folds. Utterances that SOURCE lacks are left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.corpora.folds import copy_folds
from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folds", type=Path, required=True, help="folder of folds: <k>/{train,test}")
    parser.add_argument("--labels", default="utt2emotion", help="the table of the classes, all to be trained on")
    parser.add_argument(
        "--also", type=DataDir, action="append", default=[], help="data directory; what it lacks is left out, too"
    )
    parser.add_argument("source", help="data directory of the same utterances")
    parser.add_argument("out", type=Path, help="where folds and test are written")


def main(args: argparse.Namespace) -> None:
    for line in copy_folds(args.folds, DataDir(args.source), args.out, args.labels, args.also):
        print(line)
