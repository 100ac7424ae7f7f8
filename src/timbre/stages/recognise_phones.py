"""Recognises the phones in the utterances of a data directory; writes the table OUT/phones.

In the phonemes of its language where utt2lang says it and the model was trained on it; else in phones of all.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument(
        "--inventory", default="", help="file of the phones' names, of a published model; writes phones of all"
    )
    parser.add_argument("exp", help="experiment directory, a model file, or a published checkpoint")
    parser.add_argument("data", help="data directory with feats.scp, made by the model's features")
    parser.add_argument("out", type=Path, help="folder of the table of what is recognised")


def main(args: argparse.Namespace) -> None:
    from timbre.training.phones import Recogniser, recognise_phones

    print(recognise_phones(Recogniser.load(args.exp, args.device), DataDir(args.data), args.out, args.inventory))
