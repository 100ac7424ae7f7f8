"""Checks that an experiment's conf fits the data that it is to train on, by their tables alone."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.errors import TimbreError
from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conf", required=True, help="the experiment's conf")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one key of it")
    parser.add_argument("--backend", action="append", default=[], help="a back-end that is to score; repeatable")
    parser.add_argument("--sources", type=Path, help="folder of noises and room responses for augmentation")
    parser.add_argument("--ngpu", type=int, default=0, help="processes that share the training; 0: one")
    parser.add_argument("data", nargs="+", help="data directory to train on, without features; of each fold one")


def main(args: argparse.Namespace) -> None:
    from timbre.scoring.backend import parse
    from timbre.training.experiment import load_experiment
    from timbre.training.fit import check_fit

    experiment, backends = load_experiment(args.conf, args.set), [parse(name) for name in args.backend]
    for path in args.data:
        data = DataDir(path)
        try:
            print(f"{path}: {check_fit(experiment, data, backends, args.sources, max(args.ngpu, 1))}")
        except TimbreError as error:
            problem = str(error).removeprefix(f"{path}: ")
            raise TimbreError(f"{args.conf} does not fit {path}: {problem}") from None
