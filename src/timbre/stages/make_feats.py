"""Extracts the features of a data directory to ark/scp (one job of steps/make_feats.sh)."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.errors import TimbreError, did_you_mean
from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conf", required=True, help="a conf with a `features` section, or such a section alone")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one key of it")
    parser.add_argument("--stream", default="", help="of a conf with streams: the one whose frames are extracted")
    parser.add_argument("--job", default="1", help="the name of this job in its output files")
    parser.add_argument("--bad-audio", choices=["fail", "skip"], default="fail", help="what to do with it")
    parser.add_argument("--allow-pipes", choices=["true", "false"], default="false", help="run commands of wav.scp")
    parser.add_argument("data", help="data directory")
    parser.add_argument("out", help="folder of the arks")


def main(args: argparse.Namespace) -> None:
    from timbre.features.extract import extract_features
    from timbre.models.streams import stream_features
    from timbre.training.experiment import load_experiment

    experiment = load_experiment(args.conf, args.set)
    if args.stream and args.stream not in experiment.streams:
        raise TimbreError(f"{args.conf}: no stream '{args.stream}'{did_you_mean(args.stream, experiment.streams)}")
    conf = (stream_features(experiment.streams[args.stream]) if args.stream else experiment).features
    extract_features(DataDir(args.data), conf, Path(args.out), args.job, args.bad_audio, args.allow_pipes == "true")
