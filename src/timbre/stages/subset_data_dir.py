"""Makes a data directory with a part of another's utterances: an even spread of them, or the part asked for.

subset-data-dir [--per-spk|--shortest|--first|--last|--speakers] SOURCE NUMBER DESTINATION, or
subset-data-dir --utt-list FILE|--spk-list FILE SOURCE DESTINATION.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from timbre.errors import TimbreError, some
from timbre.kaldi import subset
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.transform import carry, names_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group()
    for option, choice, text in (
        ("--per-spk", subset.per_speaker, "NUMBER utterances of each speaker"),
        ("--shortest", subset.shortest, "the NUMBER shortest utterances"),
        ("--first", subset.first, "the first NUMBER utterances"),
        ("--last", subset.last, "the last NUMBER utterances"),
        ("--speakers", subset.speakers, "whole speakers, enough for NUMBER utterances"),
    ):
        how.add_argument(
            option, dest="choose", action="store_const", const=choice, default=argparse.SUPPRESS, help=text
        )
    how.add_argument("--utt-list", type=Path, help="the utterances of this list (first field of each line)")
    how.add_argument("--spk-list", type=Path, help="the utterances of the speakers of this list")
    parser.add_argument("source", help="data directory")
    parser.add_argument("number", nargs="?", type=int, help="how many utterances (not with a list)")
    parser.add_argument("destination", type=Path, help="data directory to write")


def main(args: argparse.Namespace) -> None:
    source, unknown = DataDir(args.source), []
    list_path = args.utt_list or args.spk_list
    if (list_path is None) == (args.number is None):
        raise TimbreError("give SOURCE NUMBER DESTINATION, or --utt-list or --spk-list with SOURCE DESTINATION")
    if args.utt_list:
        utterances, unknown = subset.listed_utterances(source, args.utt_list)
    elif args.spk_list:
        utterances, unknown = subset.listed_speakers(source, args.spk_list)
    else:
        utterances = getattr(args, "choose", subset.evenly)(source, args.number)
    if unknown:
        print(
            f"subset_data_dir.sh: WARNING: {args.source} lacks {len(unknown)} ids of {list_path}: {some(unknown)}",
            file=sys.stderr,
        )
    carry(source, {args.destination: names_of(source, utterances)})
    print(f"subset_data_dir.sh: reducing #utt from {len(source.utt2spk)} to {len(utterances)}")
