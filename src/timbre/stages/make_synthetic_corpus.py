"""Make a corpus of synthetic speech with espeak-ng; what is made already is kept."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.corpora.synthetic import lay_out, stand_in_conf


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dir", type=Path, required=True, help="folder of the corpus")
    parser.add_argument(
        "--layout",
        default="synthetic",
        help="the corpus whose files these are laid out like: its module in timbre.corpora (aishell, tess …)",
    )
    parser.add_argument("--conf", type=Path, help="YAML of what differs from the layout's defaults")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override a key of the conf"
    )
    parser.add_argument("--job", type=int, default=1, help="which of the jobs this is, from 1")
    parser.add_argument("--num-jobs", type=int, default=1, help="how many jobs share the work")


def main(args: argparse.Namespace) -> None:
    conf = stand_in_conf(args.layout, args.conf, args.set)
    made = lay_out(args.dir, conf, args.job, args.num_jobs)
    print(f"{args.dir}: job {args.job} of {args.num_jobs} made {made} utterances")
