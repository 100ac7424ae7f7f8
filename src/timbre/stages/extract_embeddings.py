"""Embeds the utterances of a data directory (one job of steps/extract_embeddings.sh)."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--precision", default="fp32", choices=["auto", "fp32", "bf16", "fp16"])
    parser.add_argument("--job", default="1", help="the name of this job in its output files")
    parser.add_argument(
        "--bad-audio", choices=["fail", "skip"], default="fail", help="utterances too short to embed"
    )
    parser.add_argument("exp", help="experiment directory, or a model file")
    parser.add_argument("data", help="data directory with feats.scp")
    parser.add_argument("out", help="folder of the jobs' embeddings")


def main(args: argparse.Namespace) -> None:
    from timbre.models.extraction import extract_embeddings
    from timbre.models.trained import TrainedModel

    model = TrainedModel.load(args.exp, args.device)
    extract_embeddings(model, DataDir(args.data), Path(args.out), args.job, args.bad_audio, args.precision)
