"""Who is enrolled, with how many recordings and seconds, and how well they are told apart by the plain cosine.

Columns: name, recordings, seconds, seconds of speech, the mean cosine of a person's recordings with each other, and
the nearest other person with the cosine of the two means.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.errors import TimbreError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("people", type=Path, help="folder of the people")


def main(args: argparse.Namespace) -> None:
    from timbre.people.overview import overview
    from timbre.people.store import read_people

    enrolled = read_people(args.people)
    if enrolled is None:
        raise TimbreError(f"{args.people}: nobody is enrolled there; timbre enrol makes the folder")
    print("name\trecordings\tseconds\tspeech\town cosine\tnearest\tcosine")
    for row in overview(enrolled):
        print(*row, sep="\t")
    print(f"{len(enrolled.people)} people; model {enrolled.model}, SHA-256 {enrolled.model_sha256}")
