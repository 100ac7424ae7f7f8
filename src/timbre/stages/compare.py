"""Compares two experiments on the same trials or utterances: difference, 95 % interval and p-value.

Speakers are resampled. Prints a table for each trial list or part that both have, and says which is better, or that
it cannot be told.
"""

from __future__ import annotations

import argparse

from timbre.scoring.comparison import compare


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--system", help="a name in 'systems' of metrics.json (default: each one's own, the first)")
    parser.add_argument("first", help="experiment directory with metrics.json, and scores or posteriors")
    parser.add_argument("second", help="another one, evaluated on the same")


def main(args: argparse.Namespace) -> None:
    print(compare(args.first, args.second, args.system))
