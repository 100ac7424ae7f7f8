"""Fits a calibration on recordings of your own: which scores mean one speaker there, and how sure that is.

The table has lines '<speaker> <path>', and if you like, all separated by tabs, '<speaker> <path> <session>'. What
is printed is judged by speakers who were left out of the fit in turn, with 95 % intervals by speakers.
"""

from __future__ import annotations

import argparse
import sys

from timbre.errors import TimbreError
from timbre.kaldi.listening import add_options, listen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="experiment directory, or a model file")
    parser.add_argument("--table", required=True, help="lines '<speaker> <path> [<session>]'")
    parser.add_argument("--out", required=True, help="the file to write")
    parser.add_argument("--backend", default="", help="a trained back-end of the experiment (default: as identify)")
    parser.add_argument("--cohort", help="embeddings of other people: a folder of people, or an scp")
    parser.add_argument("--recordings", type=int, default=1, help="of an enrolled person, as a rule")
    parser.add_argument("--false-accepts", type=float, default=0.01, help="of one comparison, that is judged")
    parser.add_argument("--device", default="cpu", choices=["auto", "cpu", "cuda"])
    add_options(parser)


def main(args: argparse.Namespace) -> None:
    from timbre.people.calibrate import calibrate_recogniser
    from timbre.people.listed import read_listed
    from timbre.people.own_calibration import write_calibration
    from timbre.people.recogniser import Recogniser

    if not 0 < args.false_accepts < 1 or args.recordings < 1:
        raise TimbreError("--false-accepts lies between 0 and 1, and --recordings is 1 or more")
    listed = read_listed(args.table)
    recogniser = Recogniser(args.model, args.backend, args.cohort, device=args.device)
    rates = recogniser.model.sample_rates
    recordings = ((each.name, listen(each.path, rates, args), each.session) for each in listed)
    own, warnings = calibrate_recogniser(recogniser, recordings, args.recordings, args.false_accepts)
    write_calibration(args.out, own)
    for line in warnings:
        print(f"warning: {line}", file=sys.stderr)
    for line in own.lines():
        print(line)
    print(f"{args.out}: calibration of {own.backend}")
