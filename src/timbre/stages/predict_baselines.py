"""Classifies utterances by baselines that need no training of a model: class shares, and LDA of frame statistics.

Writes posteriors and classes to OUT/<baseline>, in the form of a model's.
"""

from __future__ import annotations

import argparse

from timbre.scoring.baselines import predict_baselines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--train", required=True, help="data directory with labels and feats.scp to learn from")
    parser.add_argument("--data", required=True, help="data directory whose utterances are classified")
    parser.add_argument("--labels", default="utt2spk", help="the table of the classes in the training part")
    parser.add_argument("out", help="directory for a folder of posteriors for each baseline")


def main(args: argparse.Namespace) -> None:
    for line in predict_baselines(args.train, args.data, args.out, args.labels):
        print(line)
