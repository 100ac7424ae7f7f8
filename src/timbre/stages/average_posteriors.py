"""Averages the posteriors of an ensemble's members: trainings of one conf with other seeds, on the same folds.

Of a fusion the weights of the streams are averaged too.
"""

from __future__ import annotations

import argparse

from timbre.scoring.ensemble import average_posteriors
from timbre.scoring.systems import by_name, named_system


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--member",
        action="append",
        required=True,
        metavar="SEED=FOLDER",
        help="a member's seed, and its folder of posteriors.scp and classes; repeatable",
    )
    parser.add_argument("out", help="folder for the mean")


def main(args: argparse.Namespace) -> None:
    expected = "FOLDER with posteriors.scp; steps/predict_folds.sh (stage 3) makes it"
    members = [
        named_system(text, lambda path: (path / "posteriors.scp").is_file(), expected, "--member")
        for text in args.member
    ]
    print(average_posteriors(by_name(members), args.out))
