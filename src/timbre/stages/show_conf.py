"""Prints every key of a conf with its value, its default and what it means."""

from __future__ import annotations

import argparse
from typing import Literal, get_args, get_origin

from timbre.conf import Section
from timbre.conf_effects import conditions_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conf", required=True, help="the experiment's conf")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one key of it")


def main(args: argparse.Namespace) -> None:
    from timbre.conf import differences
    from timbre.training.experiment import load_experiment

    experiment = load_experiment(args.conf, args.set)
    _print(experiment, "", differences(experiment))


def _print(section: Section, prefix: str, changed: dict[str, tuple[object, object]]) -> None:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            print(f"\n# {field.description or type(value).__doc__}")
            _print(value, f"{prefix}{name}.", changed)
            continue
        shown = list(value) if isinstance(value, tuple) else value
        default = f" (default {changed[prefix + name][1]})" if prefix + name in changed else ""
        choices = (
            " | ".join(map(str, get_args(field.annotation)))
            if name != "kind" and get_origin(field.annotation) is Literal
            else ""
        )
        conditions = conditions_of(section, name).items()
        needs = [f"only with {key} {' or '.join(map(str, wanted))}" for key, wanted in conditions]
        said = "; ".join(part for part in (choices, field.description, *needs) if part)
        print(f"{prefix}{name}: {shown}{default}".ljust(43) + (f" # {said}" if said else ""))
