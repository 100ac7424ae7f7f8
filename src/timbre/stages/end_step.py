"""Ends a step (utils/step.sh): compares its inputs with what they were, and puts its output in its place."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.pipeline.declaration import add_arguments as add_declaration
from timbre.pipeline.declaration import declaration
from timbre.pipeline.output import end


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--work", type=Path, required=True, help="the folder that begin-step has printed")
    parser.add_argument("--seconds", type=float, default=0.0, help="how long the step took")
    add_declaration(parser)


def main(args: argparse.Namespace) -> None:
    end(declaration(args), args.work, args.seconds)
