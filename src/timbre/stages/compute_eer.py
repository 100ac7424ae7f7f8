"""Prints the equal error rate in % of lines '<score> target|nontarget', as Kaldi's compute-eer.

The threshold goes to the standard error.
"""

from __future__ import annotations

import argparse
import sys

from timbre.kaldi.trials import read_labelled_scores
from timbre.scoring.metrics import eer, kaldi_eer, roc_curve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scores", nargs="?", default="-", help="the file; - is the standard input")
    parser.add_argument(
        "--mode",
        choices=("interpolated", "kaldi"),
        default="interpolated",
        help="interpolated on the ROC, or by the algorithm of Kaldi's compute-eer, to its last digit",
    )


def main(args: argparse.Namespace) -> None:
    scores, target = read_labelled_scores(args.scores)
    if args.mode == "kaldi":
        value, threshold = kaldi_eer(scores, target)
    else:
        point = eer(roc_curve(scores, target))
        value, threshold = point.value, point.threshold
    print(f"equal error rate {100 * value:.6g} % at threshold {threshold:.6g}", file=sys.stderr)
    print(f"{100 * value:.4g}")
