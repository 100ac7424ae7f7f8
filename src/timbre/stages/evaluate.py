"""Measures scores: EER, minDCF, their 95 % intervals by resampled speakers, errors, conditions, calibration.

Prints one table; writes metrics.json and curves.npz to the output directory.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.errors import TimbreError
from timbre.scoring.evaluation import evaluate, table


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
    systems = {args.name: args.scores}
    further = [_system(text) for text in args.system]
    for name, scores in [*further, *([(args.baseline_name, args.baseline)] if args.baseline else [])]:
        if name in systems:
            raise TimbreError(f"two systems are called '{name}'; give them different names")
        systems[name] = scores
    metrics = evaluate(args.data, args.trials, systems, args.out, args.replicates, args.seed, args.llr)
    print(table(metrics))


def _system(text: str) -> tuple[str, str]:
    """Name and scores of ``NAME=SCORES``; both may hold ``=``, as experiments' names do: the scores are a file."""
    parts = text.split("=")
    for place in range(1, len(parts)):
        name, scores = "=".join(parts[:place]), "=".join(parts[place:])
        if name and Path(scores).is_file():
            return name, scores
    raise TimbreError(
        f"--system {text}: expected NAME=SCORES with a file of scores; steps/score_trials.sh (stage 4) makes it"
    )
