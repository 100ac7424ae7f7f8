"""Who speaks? The five most probable of a classifier's speakers, with their probabilities."""

from __future__ import annotations

import argparse

BEST = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="experiment directory, or its final.pt")
    parser.add_argument("--device", default="cpu", choices=["auto", "cpu", "cuda"])
    parser.add_argument("audio", help="audio file")


def main(args: argparse.Namespace) -> None:
    from timbre.training.classifier import Classifier

    found = Classifier.load(args.model, args.device).classify(args.audio)
    for speaker, probability in list(found.items())[:BEST]:
        print(f"{speaker} {probability:.4f}")
