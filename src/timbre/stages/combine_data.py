"""Joins data directories into one; tables that all of them have are combined, then fixed."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.kaldi.transform import combine
from timbre.stages import fix_data_dir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--extra-files", default="", help="names of further files to combine")
    parser.add_argument("--skip-fix", choices=["true", "false"], default="false", help="leave out fix_data_dir.sh")
    parser.add_argument("destination", type=Path, help="data directory to write")
    parser.add_argument("sources", type=Path, nargs="+", help="data directories to join")


def main(args: argparse.Namespace) -> None:
    combine(
        args.destination,
        args.sources,
        args.extra_files.split(),
        report=lambda line: print(f"combine_data.sh [info]: {line}"),
    )
    if args.skip_fix == "false":
        fix_data_dir.main(argparse.Namespace(data=args.destination, utt_extra_files="", spk_extra_files=""))
