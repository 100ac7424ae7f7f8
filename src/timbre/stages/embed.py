"""Embeds audio files: one line a file, its path and the embedding, in Kaldi's text form."""

from __future__ import annotations

import argparse

from timbre.kaldi.listening import add_options, listen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="experiment directory, or a model file")
    parser.add_argument("--device", default="cpu", choices=["auto", "cpu", "cuda"])
    add_options(parser)
    parser.add_argument("audio", nargs="+", help="audio files")


def main(args: argparse.Namespace) -> None:
    import timbre

    model = timbre.load(args.model, args.device)
    for path in args.audio:
        embedding = model.embed(listen(path, model.sample_rates, args))
        print(path, " [", *(f"{value:.7g}" for value in embedding), "]")
