"""Compares two experiments on the same trials: difference, 95 % interval and p-value by resampled speakers.

Prints a table for each trial list that both have, and says which is better, or that it cannot be told.
"""

from __future__ import annotations

import argparse

from timbre.scoring.comparison import compare


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--system", help="a name in 'systems' of metrics.json (default: each one's own, the first)")
    parser.add_argument("first", help="experiment directory with metrics.json and scores")
    parser.add_argument("second", help="another one, evaluated on the same trial lists")


def main(args: argparse.Namespace) -> None:
    print(compare(args.first, args.second, args.system))
