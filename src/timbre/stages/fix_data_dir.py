"""Sorts a data directory and keeps the utterances that all of its tables have; the rest goes to .backup."""

from __future__ import annotations

import argparse

from timbre.kaldi.fix import fix


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--utt-extra-files", default="", help="names of further files keyed by utterance")
    parser.add_argument("--spk-extra-files", default="", help="names of further files keyed by speaker")
    parser.add_argument("data", help="data directory")


def main(args: argparse.Namespace) -> None:
    kept, total = fix(
        args.data,
        args.utt_extra_files.split(),
        args.spk_extra_files.split(),
        report=lambda line: print(f"fix_data_dir.sh: {line}"),
    )
    print(
        f"fix_data_dir.sh: kept all {kept} utterances."
        if kept == total
        else f"fix_data_dir.sh: kept {kept} utterances out of {total}"
    )
    print(f"fix_data_dir.sh: files that changed are kept as they were in {args.data}/.backup")
