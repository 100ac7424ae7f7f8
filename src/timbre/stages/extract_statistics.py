"""Writes the baseline's vectors: mean and standard deviation of each utterance's features.

They are normalised per dimension by the training part, need no training, and are scored like embeddings.
"""

from __future__ import annotations

import argparse

from timbre.scoring.statistics import extract_statistics


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--train", required=True, help="data directory that the normalisation is taken from")
    parser.add_argument("--data", required=True, help="data directory whose utterances become vectors")
    parser.add_argument("--out", required=True, help="directory for xvector.{ark,scp} and spk_xvector.{ark,scp}")


def main(args: argparse.Namespace) -> None:
    count = extract_statistics(args.train, args.data, args.out)
    print(f"{args.out}/xvector.scp: {count} vectors")
