"""Measures scores: EER, minDCF, their 95 % intervals by resampled speakers, errors, conditions, calibration.

Prints one table; writes metrics.json and curves.npz to the output directory.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.scoring.evaluation import evaluate, table
from timbre.scoring.systems import by_name, named_system


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="model", help="what the system is called in tables and plots")
    parser.add_argument(
        "--system",
        action="append",
        default=[],
        metavar="NAME=SCORES",
        help="a further system and its scores of the same trials; repeatable",
    )
    parser.add_argument(
        "--llr", action="append", default=[], metavar="NAME", help="a system whose scores are log-likelihood ratios"
    )
    parser.add_argument("--baseline", help="scores of the same trials by a system to compare with")
    parser.add_argument("--baseline-name", default="untrained baseline", help="what that system is called")
    parser.add_argument("--replicates", type=int, default=1000, help="resamplings of the speakers")
    parser.add_argument("--seed", type=int, default=0, help="seed of the resampling")
    parser.add_argument("data", help="data directory that knows the utterances of the trials")
    parser.add_argument("trials", help="lines '<enrol> <test> target|nontarget'")
    parser.add_argument("scores", help="lines '<enrol> <test> <score>', in the order of the trials")
    parser.add_argument("out", help="directory for metrics.json and curves.npz")


def main(args: argparse.Namespace) -> None:
    expected = "SCORES with a file of scores; steps/score_trials.sh (stage 4) makes it"
    further = [named_system(text, Path.is_file, expected) for text in args.system]
    baseline = [(args.baseline_name, args.baseline)] if args.baseline else []
    systems = by_name([(args.name, args.scores), *further, *baseline])
    metrics = evaluate(args.data, args.trials, systems, args.out, args.replicates, args.seed, args.llr)
    print(table(metrics))
