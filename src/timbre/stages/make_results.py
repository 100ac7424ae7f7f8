"""Makes the Markdown table of a recipe's experiments, one for each list tested on, the best first.

make-results [--published FILE.yaml] [--out RESULTS.md] EXP …; without --out it is printed, with it it replaces what
stands in that file between <!-- results: begin --> and <!-- results: end -->. What was not measured yet is named
and left out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--published",
        help="YAML list of others' figures: system, list, eer (%%) and min_dcf or accuracy and recall (%%), source",
    )
    parser.add_argument("--out", help="Markdown file with the two lines; the rest of it stays as it is")
    parser.add_argument("exp", nargs="+", help="experiment directories with metrics.json")


def main(args: argparse.Namespace) -> None:
    from timbre.report.results import results, write_results
    from timbre.scoring.measured import metrics_files

    waiting = [exp for exp in args.exp if Path(exp).exists() and not metrics_files(Path(exp))]
    measured = [exp for exp in args.exp if exp not in waiting]
    if measured:
        for exp in waiting:
            why = (
                "no metrics.json, which stage 4 makes" if Path(exp).is_dir() else "a file, no experiment directory"
            )
            print(f"{exp}: left out: {why}", file=sys.stderr)
    text = results(measured or args.exp, args.published)  # where none was measured, the first is refused
    if args.out:
        write_results(args.out, text)
    print(f"{args.out}: results of {len(measured)} experiments" if args.out else text)
