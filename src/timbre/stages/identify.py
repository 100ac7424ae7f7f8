"""Who speaks? The five most probable of a classifier's speakers, with their probabilities."""

from __future__ import annotations

import argparse

from timbre.kaldi.listening import add_options, listen

BEST = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="experiment directory, or a model file")
    parser.add_argument("--device", default="cpu", choices=["auto", "cpu", "cuda"])
    add_options(parser)
    parser.add_argument("audio", help="audio file")


def main(args: argparse.Namespace) -> None:
    from timbre.training.classifier import Classifier

    model = Classifier.load(args.model, args.device)
    found = model.classify(listen(args.audio, model.sample_rates, args))
    for speaker, probability in list(found.items())[:BEST]:
        print(f"{speaker} {probability:.4f}")
