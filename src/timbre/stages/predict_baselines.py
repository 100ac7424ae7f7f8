"""Classifies utterances by baselines that need no training of a model: what a trained one must be better than.

Writes posteriors and classes to OUT/<baseline>, in the form of a model's; of a cross-validation those of all folds.
"""

from __future__ import annotations

import argparse

from timbre.errors import TimbreError
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.folds import read_folds
from timbre.scoring.baselines import BASELINES, predict_baselines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--baseline", action="append", required=True, choices=list(BASELINES), help="one of them; repeatable"
    )
    learnt = parser.add_mutually_exclusive_group(required=True)
    learnt.add_argument("--train", help="data directory with labels, and what the baselines look at, to learn from")
    learnt.add_argument("--folds", help="of a cross-validation: its folds, <k>/{train,test}")
    parser.add_argument("--data", help="with --train: data directory whose utterances are classified")
    parser.add_argument("--labels", default="utt2spk", help="the table of the classes in the training part")
    parser.add_argument(
        "--functionals", help="data directory of the same utterances with features of kind functionals"
    )
    parser.add_argument("--streams", help="data directory of the same utterances with streams of a fusion")
    parser.add_argument("out", help="directory for a folder of posteriors for each baseline")


def main(args: argparse.Namespace) -> None:
    if (args.data is None) != (args.train is None):
        raise TimbreError("--train goes with --data, and --folds without: which utterances are to be classified?")
    folds = read_folds(args.folds) if args.folds else [(DataDir(args.train), DataDir(args.data))]
    functionals, streams = (DataDir(path) if path else None for path in (args.functionals, args.streams))
    for line in predict_baselines(folds, args.out, args.baseline, args.labels, functionals, streams):
        print(line)
