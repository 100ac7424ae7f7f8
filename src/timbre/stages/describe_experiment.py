"""Checks a conf and prints what utils/experiment.sh makes of it, a line each."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conf", required=True, help="the experiment's conf")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one key of it")
    parser.add_argument("--baseline", required=True, help="the conf of the features of the untrained baseline")


def main(args: argparse.Namespace) -> None:
    from timbre.training.experiment import experiment_name, features_name, load_experiment

    experiment = load_experiment(args.conf, args.set)
    print(experiment_name(args.conf, args.set))
    print(features_name(experiment))
    print(features_name(load_experiment(args.baseline)))
    print(str(experiment.input.voiced_only).lower())
    print(*experiment.speeds)
