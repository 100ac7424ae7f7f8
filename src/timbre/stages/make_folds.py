"""Makes the folds of a cross-validation: OUT/<k>/{train,test}, each leaving one speaker, session or text out.

With --folds N each leaves out a group of them, the classes spread about equally over the groups.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.corpora.folds import make_folds
from timbre.corpora.splits import UNITS
from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--unit", choices=list(UNITS), default="speaker", help="what is left out whole")
    parser.add_argument("--labels", default="utt2emotion", help="the table of the classes, all to be trained on")
    parser.add_argument("--folds", type=int, help="how many (default: one for each unit)")
    parser.add_argument("source", help="data directory")
    parser.add_argument("out", type=Path, help="folder of the folds to write")


def main(args: argparse.Namespace) -> None:
    for line in make_folds(DataDir(args.source), args.out, args.unit, args.labels, args.folds):
        print(line)
