"""Makes the folds of a cross-validation: OUT/<k>/{train,test}, each leaving one speaker, session or text out.

With --folds N each leaves out a group of them, the classes spread about equally over the groups, and with --balance
TABLE (spk2gender) the values of that table, too; with --together FILE a group of that table, '<unit> <group>'.
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
    groups = parser.add_mutually_exclusive_group()
    groups.add_argument("--folds", type=int, help="how many (default: one for each unit)")
    groups.add_argument("--together", type=Path, help="table '<unit> <group>' of those that are left out together")
    parser.add_argument(
        "--balance", help="with --folds: a table of speakers or utterances, spread equally over the groups, too"
    )
    parser.add_argument("source", help="data directory")
    parser.add_argument("out", type=Path, help="folder of the folds to write")


def main(args: argparse.Namespace) -> None:
    how = (args.unit, args.labels, args.folds, args.together, args.balance)
    for line in make_folds(DataDir(args.source), args.out, *how):
        print(line)
