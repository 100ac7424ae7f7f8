"""Extracts the features of a data directory to ark/scp, and its voiced frames where the conf reads those only.

One job of steps/make_feats.sh; front_end.yaml beside the arks says what made them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.kaldi.datadir import DataDir
from timbre.kaldi.layout import FRONT_END


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conf", required=True, help="a conf with a `features` section, or such a section alone")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one key of it")
    parser.add_argument("--job", default="1", help="the name of this job in its output files")
    parser.add_argument("--bad-audio", choices=["fail", "skip"], default="fail", help="what to do with it")
    parser.add_argument("--allow-pipes", choices=["true", "false"], default="false", help="run commands of wav.scp")
    parser.add_argument("data", help="data directory")
    parser.add_argument("out", help="folder of the arks")


def main(args: argparse.Namespace) -> None:
    from timbre.features.extract import extract_features
    from timbre.features.front_end_file import write_front_end
    from timbre.training.experiment import load_experiment

    model = load_experiment(args.conf, args.set)
    data, out, pipes = DataDir(args.data), Path(args.out), args.allow_pipes == "true"
    vad = model.input.vad if model.input.voiced_only else None
    extract_features(data, model.features, out, args.job, args.bad_audio, pipes, vad)
    write_front_end(out / FRONT_END, model.features, model.input)
