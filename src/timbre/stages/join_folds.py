"""Joins the folds of several corpora, for a model of all of them: OUT/all and OUT/folds/<k>/{train,test}.

There are as many folds as the corpus with the most of them has. The others are trained on in turn, fold after fold,
and tested in as many folds as they have, so that each utterance is tested once.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.corpora.folds import join_folds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", type=Path, nargs="+", help="folders of all and folds, one a corpus")
    parser.add_argument("out", type=Path, help="folder of all and folds to write")


def main(args: argparse.Namespace) -> None:
    for line in join_folds(args.sources, args.out):
        print(line)
