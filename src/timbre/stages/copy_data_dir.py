"""Copies a data directory, its utterances and speakers under other ids where that is asked for."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.kaldi.datadir import DataDir
from timbre.kaldi.transform import copy
from timbre.stages.validate_data_dir import check


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--utt-prefix", default="", help="put before each utterance id")
    parser.add_argument("--utt-suffix", default="", help="put after each utterance id")
    parser.add_argument("--spk-prefix", default="", help="put before each speaker id")
    parser.add_argument("--spk-suffix", default="", help="put after each speaker id")
    parser.add_argument("--validate-opts", default="", help="options for validate_data_dir.sh, in one string")
    parser.add_argument("source", help="data directory")
    parser.add_argument("destination", type=Path, help="data directory to write")


def main(args: argparse.Namespace) -> None:
    source = DataDir(args.source)
    copy(
        source,
        args.destination,
        lambda utt: f"{args.utt_prefix}{utt}{args.utt_suffix}",
        lambda spk: f"{args.spk_prefix}{spk}{args.spk_suffix}",
    )
    print(f"copy_data_dir.sh: copied data from {args.source} to {args.destination}")
    absent = {"feats.scp": "--no-feats", "text": "--no-text", "wav.scp": "--no-wav"}
    options = [option for name, option in absent.items() if not source.has(name)]
    check(str(args.destination), [*options, *args.validate_opts.split()])
