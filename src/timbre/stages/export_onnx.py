"""Exports a trained model to ONNX, with its front-end and what follows it described in it and in <out>.json.

The graph takes feats (B, T, F) and lengths (B,), and gives embedding (B, D), or posteriors (B, C) of a classifier;
it is compared with torch before it is written.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, type=Path, help="experiment directory, or a model file")
    parser.add_argument("--out", type=Path, help="the file to write (default: model.onnx beside it)")


def main(args: argparse.Namespace) -> None:
    import timbre
    from timbre.models.export import export_onnx

    folder = args.model if args.model.is_dir() else args.model.parent
    print(export_onnx(timbre.load(args.model), args.out or folder / "model.onnx"))
