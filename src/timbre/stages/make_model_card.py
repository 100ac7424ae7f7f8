"""Makes <exp>/model_card.md: what a trained model is, what it was trained and measured on, its limits, its use."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--about", help="text on the speech (default: the file 'about' of the test data or above it)"
    )
    parser.add_argument("exp", help="experiment directory with final.pt")


def main(args: argparse.Namespace) -> None:
    from timbre.report.model_card import write_model_card

    print(f"wrote {write_model_card(args.exp, args.about)}")
