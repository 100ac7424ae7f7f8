"""Who speaks? Of enrolled people the nearest, or "unknown"; of a classifier its five most probable speakers.

With --people a line names who it is, with the rates behind the decision, and a line each the nearest people with
their probabilities. A table of many files is answered in a file of columns, separated by tabs.
"""

from __future__ import annotations

import argparse
import sys

from timbre.errors import TimbreError
from timbre.kaldi.listening import add_options, listen

BEST = 5


def add_people_options(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """What decides among enrolled people."""
    parser.add_argument("--people", required=required, help="folder of enrolled people (timbre enrol)")
    parser.add_argument("--model", help="experiment directory, or a model file (with --people: that of the folder)")
    parser.add_argument("--backend", default="", help="a trained back-end of the experiment, cosine+asnorm …")
    parser.add_argument("--cohort", help="embeddings of other people, for AS-norm: a folder of people, or an scp")
    parser.add_argument("--calibration", help="a file of timbre calibrate (default: what the model has)")
    parser.add_argument("--false-accepts", type=float, help="rate of strangers taken for anybody (default: 0.01)")
    parser.add_argument("--prior", type=float, help="instead: the probability that the speaker is enrolled")
    parser.add_argument("--device", default="cpu", choices=["auto", "cpu", "cuda"])


def open_people(args: argparse.Namespace):
    """The :class:`timbre.people.people.People` of these options."""
    from timbre.people.people import People

    return People(args.people, args.model, args.backend, args.cohort, args.calibration, args.device)


def say_quality(answer) -> None:
    """What the recording is like, and what speaks against it, on stderr: the answer is for other programs, too."""
    print(f"recording: {answer.quality}", file=sys.stderr)
    for line in answer.warnings:
        print(f"warning: {line}", file=sys.stderr)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_people_options(parser, required=False)
    parser.add_argument("--top", type=int, default=BEST, help="people that are shown")
    parser.add_argument(
        "--table", help="lines '<name> <path>' instead of one file; the names are repeated in --out"
    )
    parser.add_argument("--out", help="with --table: the file to write")
    add_options(parser)
    parser.add_argument("audio", nargs="?", help="audio file")


def main(args: argparse.Namespace) -> None:
    if bool(args.audio) == bool(args.table) or bool(args.table) != bool(args.out):
        raise TimbreError("give an audio file, or --table FILE with --out FILE")
    if not args.people:
        return _classify(args)
    people = open_people(args)
    how = {"top": max(1, args.top), "false_accepts": args.false_accepts, "prior": args.prior}
    if args.table:
        return _identify_table(args, people, how)
    found = people.identify(listen(args.audio, people.recogniser.model.sample_rates, args), **how)
    say_quality(found)
    if found.rule is None:
        print("no decision: the model has no calibration (timbre calibrate makes one); cosines:")
    else:
        print(f"{found.name or 'unknown'} ({found.rule})")
        print(f"unknown\t{found.unknown:.4f}")
    for one in found.candidates:
        print(one.name, f"{one.score:.4f}" if one.probability is None else f"{one.probability:.4f}", sep="\t")


def _identify_table(args: argparse.Namespace, people, how: dict) -> None:
    from timbre.kaldi.atomic import atomic_write
    from timbre.people.listed import read_listed

    listed = read_listed(args.table)
    rates = people.recogniser.model.sample_rates
    results = people.identify_many((listen(each.path, rates, args) for each in listed), **how)
    with atomic_write(args.out) as file:
        file.write("name\tpath\tanswer\tnearest\tscore\tprobability\tunknown\tspeech\tlevel\tsnr\tclipping\n")
        for each, found in zip(listed, results, strict=True):
            nearest = found.candidates[0]
            values = [f"{nearest.score:.6g}", *(_shown(one) for one in (nearest.probability, found.unknown))]
            quality = found.quality
            values += [f"{one:.3g}" for one in (quality.speech, quality.level, quality.snr, quality.clipping)]
            answer = "-" if found.rule is None else found.name or "unknown"
            file.write("\t".join([each.name, each.path, answer, nearest.name, *values]) + "\n")
    said = results[0].rule or "no decision: the model has no calibration (timbre calibrate makes one)"
    print(f"{args.out}: {len(results)} recordings; {said}")


def _shown(probability: float | None) -> str:
    return "-" if probability is None else f"{probability:.6g}"


def _classify(args: argparse.Namespace) -> None:
    from timbre.training.classifier import Classifier

    if idle := [
        name
        for name in ("backend", "cohort", "calibration", "false_accepts", "prior", "table")
        if getattr(args, name)
    ]:
        raise TimbreError(f"--{idle[0].replace('_', '-')} has no effect without --people DIR")
    if not args.model:
        raise TimbreError("give --people DIR, or --model, a classifier of speakers")
    model = Classifier.load(args.model, args.device)
    found = model.classify(listen(args.audio, model.sample_rates, args))
    for speaker, probability in list(found.items())[: max(1, args.top)]:
        print(f"{speaker} {probability:.4f}")
