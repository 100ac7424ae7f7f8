"""Scores models of one language on the others, by the emotions that both know: ROOT/cross_lingual.{json,md}.

Reads ROOT/<trained on>/<tested on>/posteriors.scp and DATA/<language>/folds/test; prints the matrix.
"""

from __future__ import annotations

import argparse

from timbre.scoring.cross_lingual import score_cross_lingual, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--labels", default="utt2emotion", help="the table of the classes")
    parser.add_argument("--within", help="experiment of folds with <language>/test, for the diagonal")
    parser.add_argument("--replicates", type=int, default=1000, help="resamplings of the speakers")
    parser.add_argument("--seed", type=int, default=0, help="seed of the resampling")
    parser.add_argument("--language", action="append", required=True, help="one of the languages; repeatable")
    parser.add_argument("data", help="folder of data directories, <language>/folds/test")
    parser.add_argument("root", help="folder of posteriors, <trained on>/<tested on>")


def main(args: argparse.Namespace) -> None:
    how = args.within, args.labels, args.replicates, args.seed
    print(table(score_cross_lingual(args.root, args.data, args.language, *how)))
