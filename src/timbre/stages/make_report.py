"""Makes <exp>/report.html, one self-contained page, of an experiment's metrics, curves, conf and history."""

from __future__ import annotations

import argparse

from timbre.report.html import write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--about", help="text on the speech, shown under the title (default: <data>/about)")
    parser.add_argument("exp", help="experiment directory with metrics.json, or with part/metrics.json")


def main(args: argparse.Namespace) -> None:
    print(f"wrote {write_report(args.exp, args.about)}")
