"""Trains an encoder: conf and data directory to <exp>/final.pt, from the last checkpoint if there is one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conf", required=True, help="the experiment's conf")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one key of it")
    parser.add_argument(
        "--train", required=True, help="data directory; with feats.scp, unless the conf trains online"
    )
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--allow-pipes", choices=["true", "false"], default="false", help="run commands of wav.scp")
    parser.add_argument("--sources", type=Path, help="folder of noises and room responses for augmentation")
    parser.add_argument("--ngpu", type=int, default=0, help="processes on this machine; 0: one, by itself")
    parser.add_argument("--nodes", type=int, default=1, help="machines")
    parser.add_argument("--rendezvous", default="localhost:0", help="where they meet: host:port of one of them")
    parser.add_argument(
        "--trust-features",
        choices=["true", "false"],
        default="false",
        help="take features that do not say which front-end made them",
    )
    parser.add_argument("exp", help="experiment directory")


def main(args: argparse.Namespace) -> None:
    from timbre.training import processes
    from timbre.training.experiment import load_experiment

    experiment = load_experiment(args.conf, args.set)
    if args.ngpu and not processes.started():
        name = Path(args.exp).resolve().as_posix()
        return processes.launch(args.ngpu, args.nodes, args.rendezvous, name, sys.argv[1:])
    from timbre.training.train import train_experiment

    data, pipes = DataDir(args.train), args.allow_pipes == "true"
    print(
        train_experiment(
            experiment, data, Path(args.exp), args.device, pipes, args.sources, args.trust_features == "true"
        )
    )
