"""Who speaks? The most probable of a classifier's speakers, with their probabilities."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="experiment directory, or its final.pt")
    parser.add_argument("--device", default="cpu", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--best", type=int, default=5, help="how many speakers to print")
    parser.add_argument("audio", help="audio file")


def main(args: argparse.Namespace) -> None:
    from timbre.training.classifier import Classifier

    found = Classifier.load(args.model, args.device).classify(args.audio)
    for speaker, probability in list(found.items())[: args.best]:
        print(f"{speaker} {probability:.4f}")
