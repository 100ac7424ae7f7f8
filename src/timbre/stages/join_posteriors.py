"""Puts the posteriors of a cross-validation's folds together: of each utterance by the fold that tested it.

Classes are united by name; one that a fold's model does not know has probability 0 there.
"""

from __future__ import annotations

import argparse

from timbre.scoring.posteriors import join_posteriors


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", help="folders of posteriors.scp and classes, one a fold")
    parser.add_argument("out", help="folder for the whole")


def main(args: argparse.Namespace) -> None:
    print(join_posteriors(args.folders, args.out))
