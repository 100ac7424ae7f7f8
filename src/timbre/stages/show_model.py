"""Tells what a model file is: layout, encoder, front-end, classes, back-end, licence, source, SHA-256.

With --conf it prints the sections of a conf that are the model's own instead: steps/make_feats.sh makes its
features by them, and a conf that begins with them trains on from it.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conf", action="store_true", help="print its features, input and encoder as a conf")
    parser.add_argument("model", type=Path, help="experiment directory, its final.pt, or a published checkpoint")


def main(args: argparse.Namespace) -> None:
    from timbre.report.model_facts import describe, own_conf

    if args.conf:
        print(own_conf(args.model), end="")
        return
    for name, value in describe(args.model):
        print(f"{name}: {value}")
