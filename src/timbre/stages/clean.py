"""Lists what data and experiments hold that is of no use any more, and removes it where that is asked for."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.pipeline.clean import leftovers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--remove", choices=["true", "false"], default="false", help="remove what is listed")
    parser.add_argument("--experiments", type=Path, default=Path("exp"), help="where experiments lie")
    parser.add_argument("roots", nargs="+", type=Path, help="data, or experiment directories")


def main(args: argparse.Namespace) -> None:
    found = leftovers(args.roots, args.experiments)
    for item in found:
        print(f"{item.size / 1e6:8.1f} MB  {item.path}: {item.reason}")
    total = sum(item.size for item in found)
    if args.remove == "true":
        for item in found:
            item.remove()
    end = "removed" if args.remove == "true" else "could be removed: --remove true does it"
    print(f"{total / 1e6:8.1f} MB  {len(found)} files and folders {end}" if found else "nothing to remove")
