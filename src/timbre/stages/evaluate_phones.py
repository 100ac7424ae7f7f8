"""Measures recognised phones: the phone error rate of each part and language, its 95 % interval, and a baseline.

Prints a table and writes metrics.json to the output directory.
"""

from __future__ import annotations

import argparse

from timbre.scoring.phones import evaluate_phones, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--part",
        action="append",
        nargs=3,
        required=True,
        metavar=("NAME", "DATA", "PHONES"),
        help="what it is called, its data directory, and the table of what was recognised; repeatable",
    )
    parser.add_argument("--train", required=True, help="data directory that was trained on, for the baseline")
    parser.add_argument("--replicates", type=int, default=1000, help="resamplings of the speakers")
    parser.add_argument("--seed", type=int, default=0, help="seed of the resampling")
    parser.add_argument("out", help="directory for metrics.json")


def main(args: argparse.Namespace) -> None:
    parts = {name: (data, phones) for name, data, phones in args.part}
    print(table(evaluate_phones(parts, args.out, args.train, args.replicates, args.seed)))
