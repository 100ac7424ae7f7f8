"""Open-set figures of a folder of people: detected and named rightly, and strangers taken for somebody.

The table has lines '<name> <path>'; whose name is not enrolled is unknown. Nobody's enrolment recordings should be
among them. Intervals are 95 %, by resampled speakers.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import chain

from timbre.kaldi.listening import add_options, listen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from timbre.stages.identify import add_people_options

    add_people_options(parser)
    parser.add_argument("--table", required=True, help="lines '<name> <path>'")
    parser.add_argument("--out", help="file of JSON to write the figures to")
    add_options(parser)


def main(args: argparse.Namespace) -> None:
    from timbre.kaldi.atomic import atomic_write
    from timbre.people.evaluation import evaluate_open_set, lines
    from timbre.people.listed import read_listed
    from timbre.stages.identify import open_people

    people, listed = open_people(args), read_listed(args.table)
    rates = people.recogniser.model.sample_rates
    heard = people.recogniser.hear(listen(each.path, rates, args) for each in listed)
    for line in chain.from_iterable(heard.warnings):
        print(f"warning: {line}", file=sys.stderr)
    names = people.names
    rule = people.recogniser.rule(len(names), args.false_accepts, args.prior)
    figures = evaluate_open_set(
        people.scores(heard.embeddings),
        names,
        [each.name for each in listed],
        None if rule is None else rule.threshold,
        args.false_accepts or 0.01,
    )
    if rule:
        figures["false_accepts_promised"] = rule.false_accepts
    for line in lines(figures):
        print(line)
    if args.out:
        with atomic_write(args.out) as file:
            file.write(json.dumps(figures, indent=2) + "\n")
