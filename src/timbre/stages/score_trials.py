"""Scores a trial list by the cosine of embeddings.

Writes one line '<enrol> <test> <score>' for each trial, in the order of the trials.
"""

from __future__ import annotations

import argparse

from timbre.scoring.cosine import score_trials


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mean", help="vector subtracted from all embeddings, as exp/<name>/mean.ark")
    parser.add_argument("trials", help="lines '<enrol> <test> target|nontarget'")
    parser.add_argument("enrol", help="scp of the embeddings of the first ids")
    parser.add_argument("test", help="scp of the embeddings of the second ids")
    parser.add_argument("scores", help="where to write the scores")


def main(args: argparse.Namespace) -> None:
    count = score_trials(args.trials, args.enrol, args.test, args.scores, args.mean)
    print(f"{args.scores}: {count} trials scored")
