"""Measures scores: EER, minDCF, their 95 % intervals by resampled speakers, errors, conditions.

Prints one table; writes metrics.json and curves.npz to the output directory.
"""

from __future__ import annotations

import argparse

from timbre.errors import TimbreError
from timbre.scoring.evaluation import evaluate, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="model", help="what the system is called in tables and plots")
    parser.add_argument("--baseline", help="scores of the same trials by a system to compare with")
    parser.add_argument("--baseline-name", default="untrained baseline", help="what that system is called")
    parser.add_argument("--replicates", type=int, default=1000, help="resamplings of the speakers")
    parser.add_argument("--seed", type=int, default=0, help="seed of the resampling")
    parser.add_argument("data", help="data directory that knows the utterances of the trials")
    parser.add_argument("trials", help="lines '<enrol> <test> target|nontarget'")
    parser.add_argument("scores", help="lines '<enrol> <test> <score>', in the order of the trials")
    parser.add_argument("out", help="directory for metrics.json and curves.npz")


def main(args: argparse.Namespace) -> None:
    systems = {args.name: args.scores}
    if args.baseline:
        if args.name == args.baseline_name:
            raise TimbreError(f"--name and --baseline-name are both '{args.name}'; give them different names")
        systems[args.baseline_name] = args.baseline
    print(table(evaluate(args.data, args.trials, systems, args.out, args.replicates, args.seed)))
