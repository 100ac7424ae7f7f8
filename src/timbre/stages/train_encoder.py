"""Trains an encoder: conf and data directory to <exp>/final.pt, from the last checkpoint if there is one."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conf", required=True, help="the experiment's conf")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one key of it")
    parser.add_argument("--train", required=True, help="data directory with feats.scp")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("exp", help="experiment directory")


def main(args: argparse.Namespace) -> None:
    from timbre.training.experiment import load_experiment
    from timbre.training.train import train_experiment

    experiment = load_experiment(args.conf, args.set)
    print(train_experiment(experiment, DataDir(args.train), Path(args.exp), args.device))
