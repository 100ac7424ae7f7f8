"""Puts the embeddings of all jobs together, counted, with the means of models or speakers; or the posteriors."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.kaldi.datadir import DataDir
from timbre.kaldi.vectors import collect_embeddings
from timbre.scoring.posteriors import collect_posteriors


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kind", default="xvector", choices=["xvector", "posteriors"], help="what they wrote")
    parser.add_argument("--jobs", type=int, required=True, help="how many jobs there were")
    parser.add_argument("--max-skipped", type=float, default=0.05, help="the largest fraction that may be skipped")
    parser.add_argument("data", help="data directory")
    parser.add_argument("parts", help="folder of the jobs' vectors")
    parser.add_argument("out", help="folder for the whole")


def main(args: argparse.Namespace) -> None:
    collect = {"xvector": collect_embeddings, "posteriors": collect_posteriors}[args.kind]
    print(collect(DataDir(args.data), Path(args.parts), Path(args.out), args.jobs, args.max_skipped))
