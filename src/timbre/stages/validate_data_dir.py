"""Checks a data directory and names the first problem."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection

from timbre.errors import TimbreError, did_you_mean
from timbre.kaldi.validate import validate

# Each option with the check that it turns off.
OPTIONS = {
    "--no-feats": ("feats", "feats.scp may be missing"),
    "--no-text": ("text", "text may be missing"),
    "--no-wav": ("wav", "wav.scp may be missing"),
    "--non-print": ("printable", "text may hold non-printing characters"),
    "--no-spk-sort": ("speaker_order", "utterances need not be in the order of their speakers"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for option, (_, text) in OPTIONS.items():
        parser.add_argument(option, dest="options", action="append_const", const=option, default=[], help=text)
    parser.add_argument("data", help="data directory")


def main(args: argparse.Namespace) -> None:
    check(args.data, args.options)


def check(data: str, options: Collection[str]) -> None:
    """Validates ``data`` under Kaldi's options; prints warnings and the line of success."""
    for option in options:
        if option not in OPTIONS:
            raise TimbreError(f"validate_data_dir.sh: no option {option}{did_you_mean(option, OPTIONS)}")
    for warning in validate(data, **{check: option not in options for option, (check, _) in OPTIONS.items()}):
        print(f"validate_data_dir.sh: WARNING: {warning}", file=sys.stderr)
    print(f"utils/validate_data_dir.sh: Successfully validated data-directory {data}")
