"""Embeds audio files: one line a file, its path and the embedding, in Kaldi's text form."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="experiment directory, or its final.pt")
    parser.add_argument("--device", default="cpu", choices=["auto", "cpu", "cuda"])
    parser.add_argument("audio", nargs="+", help="audio files")


def main(args: argparse.Namespace) -> None:
    import timbre

    model = timbre.load(args.model, args.device)
    for path in args.audio:
        print(path, " [", *(f"{value:.7g}" for value in model.embed(path)), "]")
