"""Puts together what the jobs of a step wrote, after counting it."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.kaldi.datadir import DataDir
from timbre.kaldi.jobs import collect_jobs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=int, required=True, help="how many jobs there were")
    parser.add_argument("--beside", nargs="*", default=[], help="tables written beside the scp, by job too")
    parser.add_argument("--max-skipped", type=float, default=0.05, help="the largest fraction that may be skipped")
    parser.add_argument("data", help="data directory")
    parser.add_argument("out", help="folder of the jobs' files")
    parser.add_argument("name", help="of the scp: feats or vad")


def main(args: argparse.Namespace) -> None:
    print(collect_jobs(DataDir(args.data), Path(args.out), args.name, args.beside, args.jobs, args.max_skipped))
