"""Puts together what the jobs of steps/make_feats.sh wrote, after counting it: feats.scp, vad.scp, lengths.

Frames that are to be normalised by speaker (input.cmvn of the conf) are, now that all are there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.conf_files import read_mapping
from timbre.features.by_speaker import normalise_by_speaker
from timbre.kaldi.atomic import copy_file
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.jobs import collect_jobs
from timbre.kaldi.layout import FRONT_END, NOTES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=int, required=True, help="how many jobs there were")
    parser.add_argument("--max-skipped", type=float, default=0.05, help="the largest fraction that may be skipped")
    parser.add_argument("data", help="data directory")
    parser.add_argument("out", type=Path, help="folder of the jobs' files")


def main(args: argparse.Namespace) -> None:
    data = DataDir(args.data)
    voiced = ["vad"] if (args.out / "vad.1.scp").exists() else []
    print(collect_jobs(data, args.out, "feats", [*NOTES], args.jobs, args.max_skipped, voiced))
    if by_speaker := read_mapping(args.out / FRONT_END).get("by_speaker"):
        normalise_by_speaker(data, "feats.scp", by_speaker["uniform"])
        for ark in args.out.glob("feats.*.ark"):
            ark.unlink()
    copy_file(args.out / FRONT_END, data.path / FRONT_END)
