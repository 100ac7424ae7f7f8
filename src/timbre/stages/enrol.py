"""Enrols people, from audio files of one person or a table of many; who is there gets further recordings.

Names and embeddings are kept in the folder, and no audio.
"""

from __future__ import annotations

import argparse
import sys

from timbre.errors import TimbreError
from timbre.kaldi.listening import add_options, listen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--people", required=True, help="folder of the people; made if it is not there")
    parser.add_argument("--model", help="experiment directory, or a model file (default: that of the folder)")
    parser.add_argument("--table", help="lines '<name> <path>' instead; several of one name are one person's")
    parser.add_argument("--device", default="cpu", choices=["auto", "cpu", "cuda"])
    add_options(parser)
    parser.add_argument("name", nargs="?", help="who it is: any text")
    parser.add_argument("audio", nargs="*", help="audio files of this person")


def main(args: argparse.Namespace) -> None:
    from timbre.people.listed import read_listed
    from timbre.people.people import People

    if bool(args.table) == bool(args.name):
        raise TimbreError("give a name and audio files, or --table FILE")
    if args.name and not args.audio:
        raise TimbreError(f"no recording of '{args.name}'; give audio files after the name")
    listed = [(each.name, each.path) for each in read_listed(args.table)] if args.table else []
    listed = listed or [(args.name, path) for path in args.audio]
    people = People(args.people, args.model, device=args.device)
    rates = people.recogniser.model.sample_rates
    warnings = people.enrol_many((name, listen(path, rates, args)) for name, path in listed)
    for line in warnings:
        print(f"warning: {line}", file=sys.stderr)
    for name in dict.fromkeys(name.strip() for name, _ in listed):
        print(f"{name}: {len(people.recordings[name])} recordings")
