"""Writes augmented copies of a data directory's utterances (one job of steps/augment_data.sh)."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conf", required=True, help="an experiment's conf with an `augment` section")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one key of it")
    parser.add_argument("--sources", default="", help="folder of the data directories noise, music, speech, rirs")
    parser.add_argument("--job", type=int, default=1, help="which of the jobs this is, from 1")
    parser.add_argument("--num-jobs", type=int, default=1, help="how many jobs share the work")
    parser.add_argument("--bad-audio", choices=["fail", "skip"], default="fail", help="what to do with it")
    parser.add_argument("--allow-pipes", choices=["true", "false"], default="false", help="run commands of wav.scp")
    parser.add_argument("data", help="data directory")
    parser.add_argument("out", help="data directory of originals and copies")


def main(args: argparse.Namespace) -> None:
    from timbre.features.augment_data import made_of, write_copies
    from timbre.training.experiment import load_experiment

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    conf, data, pipes = load_experiment(args.conf, args.set), DataDir(args.data), args.allow_pipes == "true"
    features = conf.features
    made = made_of(data, conf.augment, features.sample_rate, args.sources)
    write_copies(data, made, Path(args.out), args.job, args.num_jobs, features.resample, args.bad_audio, pipes)
