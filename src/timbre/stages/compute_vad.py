"""Finds voiced frames of a data directory (one job of steps/compute_vad.sh)."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.kaldi.datadir import DataDir
from timbre.stages import make_feats


def add_arguments(parser: argparse.ArgumentParser) -> None:
    make_feats.add_arguments(parser)


def main(args: argparse.Namespace) -> None:
    from timbre.features.extract import extract_vad
    from timbre.training.experiment import load_experiment

    conf = load_experiment(args.conf, args.set)
    out, pipes = Path(args.out), args.allow_pipes == "true"
    extract_vad(DataDir(args.data), conf.input.vad, conf.features, out, args.job, args.bad_audio, pipes)
