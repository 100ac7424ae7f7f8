"""Makes the folds of a cross-validation: OUT/<k>/{train,test}, each leaving one speaker, session or text out.

With --folds N each leaves out a group of them, the classes spread about equally over the groups, and with --balance
TABLE (spk2gender) the values of that table, too; with --together FILE a group of that table, '<unit> <group>'. With
--split TABLE (utt2split) there is one fold, whose parts that table says.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.corpora.folds import make_folds, take_split
from timbre.corpora.splits import UNITS
from timbre.errors import TimbreError
from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--unit", choices=list(UNITS), default="speaker", help="what is left out whole")
    parser.add_argument("--labels", default="utt2emotion", help="the table of the classes, all to be trained on")
    groups = parser.add_mutually_exclusive_group()
    groups.add_argument("--folds", type=int, help="how many (default: one for each unit)")
    groups.add_argument("--together", type=Path, help="table '<unit> <group>' of those that are left out together")
    groups.add_argument("--split", help="table '<utt> train|test' of the data directory: one fold, of these parts")
    parser.add_argument(
        "--balance", help="with --folds: a table of speakers or utterances, spread equally over the groups, too"
    )
    parser.add_argument("source", help="data directory")
    parser.add_argument("out", type=Path, help="folder of the folds to write")


def main(args: argparse.Namespace) -> None:
    source = DataDir(args.source)
    if args.split and args.balance:
        raise TimbreError(
            f"--balance {args.balance} has no effect with --split {args.split}; leave one of them out"
        )
    how = (args.unit, args.labels, args.folds, args.together, args.balance)
    lines = (
        take_split(source, args.out, args.split, args.labels) if args.split else make_folds(source, args.out, *how)
    )
    for line in lines:
        print(line)
