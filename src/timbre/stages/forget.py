"""Removes a person from a folder of people: nothing of her is left there."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--people", required=True, help="folder of the people")
    parser.add_argument("name", help="who it is, as she was enrolled")


def main(args: argparse.Namespace) -> None:
    from timbre.people.store import forget

    forget(args.people, args.name)
    print(f"{args.people}: '{args.name}' is forgotten")
