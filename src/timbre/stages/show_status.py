"""Shows what of a recipe is fresh, stale or missing (--status), and what would be run (--dry-run).

With --refuse-stale it fails where something is stale.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.pipeline.status import refuse_stale, report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--commands", choices=["true", "false"], default="false", help="say what would be run")
    parser.add_argument("--refuse-stale", choices=["true", "false"], default="false", help="fail if one is stale")
    parser.add_argument("--stage", action="append", default=[], metavar="NUMBER=TEXT", help="a stage; repeatable")
    parser.add_argument("declarations", type=Path, help="what the steps have declared")


def main(args: argparse.Namespace) -> None:
    if args.refuse_stale == "true":
        return refuse_stale(args.declarations)
    stages = dict(text.partition("=")[::2] for text in args.stage)
    print("\n".join(report(args.declarations, stages, args.commands == "true")))
