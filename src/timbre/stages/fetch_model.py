"""Fetches published weights out of a package of PyPI, as data: <dir>/<name>.pt, checked by its SHA-256.

The wheel comes by pip; nothing of it is installed or imported. Says the licence.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.features.fetch import WEIGHTS, fetch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wheel", type=Path, help="the package's wheel, if it is there already: no network is used"
    )
    parser.add_argument("name", choices=list(WEIGHTS), help="which weights")
    parser.add_argument("dir", type=Path, help="the folder to put them in")


def main(args: argparse.Namespace) -> None:
    print(fetch(args.name, args.dir, args.wheel))
