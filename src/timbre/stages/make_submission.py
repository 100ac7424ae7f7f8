"""Write the answer to ML 2023 homework 4: of each test utterance its file and the most probable speaker, as CSV."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.corpora.ml2023hw4 import write_submission
from timbre.scoring.posteriors import Posteriors


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--posteriors", type=Path, required=True, help="folder of the predictions of data/test")
    parser.add_argument("--corpus", type=Path, required=True, help="root folder of the data, with testdata.json")
    parser.add_argument("--out", type=Path, required=True, help="the CSV file")


def main(args: argparse.Namespace) -> None:
    said = Posteriors.read(args.posteriors)
    best = dict(zip(said.utterances, said.best(), strict=True))
    print(f"{args.out}: {write_submission(args.corpus, best, said.classes, args.out)} utterances")
