"""Checks a conf and back-ends' names, and prints what utils/experiment.sh makes of them: '<name> <value>' lines."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conf", required=True, help="the experiment's conf")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one key of it")
    parser.add_argument("--baseline", help="the conf of the features of the untrained baseline")
    parser.add_argument("--backend", action="append", default=[], help="a back-end that is to score; repeatable")


def main(args: argparse.Namespace) -> None:
    from timbre.scoring.backend import parse
    from timbre.training.experiment import augmented_name, experiment_name, features_name, load_experiment

    experiment = load_experiment(args.conf, args.set)
    online = experiment.train.features == "online"
    described = {
        "name": experiment_name(args.conf, args.set),
        "task": experiment.task,
        "labels": experiment.labels,
        "features": features_name(experiment),
        "vad": str(experiment.input.voiced_only).lower(),
        "init": experiment.init,
        "speeds": " ".join(map(str, experiment.speeds)),
        "online": str(online).lower(),
        "augmented": "" if online else augmented_name(experiment),
    }
    if args.baseline:
        described["baseline"] = features_name(load_experiment(args.baseline))
    for backend in args.backend:
        parse(backend)
    for name, value in described.items():
        print(name, value)
