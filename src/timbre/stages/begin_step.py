"""Begins a step (utils/step.sh): prints the folder that it is to work in, or nothing where its output is fresh."""

from __future__ import annotations

import argparse
import sys

from timbre.pipeline.declaration import add_arguments as add_declaration
from timbre.pipeline.declaration import declaration
from timbre.pipeline.output import begin


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", choices=["true", "false"], default="false", help="make it anew in any case")
    add_declaration(parser)


def main(args: argparse.Namespace) -> None:
    step = declaration(args)
    state, work = begin(step, args.force == "true")
    if work is None:
        print(f"{step.title}: up to date" + (f" ({state.reasons[0]})" if state.reasons else ""), file=sys.stderr)
        return
    if state.word == "stale":
        print(f"{step.title}: made anew: {'; '.join(state.reasons[:3])}", file=sys.stderr)
    print(work)
