"""Makes one page of several experiments on the same trials or utterances: measures, plots, differences, confs.

compare-report [--out comparison.html] exp/a exp/b …: each is compared with the first, paired, with 95 % interval
and p-value, as utils/compare.sh compares two; a list or part that not all have is left out, and said to be.
"""

from __future__ import annotations

import argparse

from timbre.report.comparison import write_comparison


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", default="comparison.html", help="the page, one file that needs no other")
    parser.add_argument(
        "exps", nargs="+", help="experiments with metrics.json, evaluated on the same; the first leads"
    )


def main(args: argparse.Namespace) -> None:
    print(f"wrote {write_comparison(args.exps, args.out)}")
