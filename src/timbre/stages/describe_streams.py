"""Prints the streams of a fusion's conf, a line each: '<name> <folder of frames> <folder of vectors> <model>'.

Folders are named by a hash of what makes them; a stream of frames has no vectors and no model: '- -'. With --models
the models that must be there are printed, a line each, whether they are or not.
"""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conf", required=True, help="the experiment's conf, with streams")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one key of it")
    parser.add_argument("--models", action="store_true", help="print the paths of the streams' models instead")


def main(args: argparse.Namespace) -> None:
    from timbre.training.experiment import load_experiment, stream_folders

    experiment = load_experiment(args.conf, args.set)
    if args.models:
        paths = [conf.model or getattr(conf.features, "model", "") for conf in experiment.streams.values()]
        for path in dict.fromkeys(filter(None, paths)):
            print(path)
        return
    for name, row in stream_folders(experiment).items():
        print(name, *(value or "-" for value in row))
