"""Make a trial list over the utterances of a data directory, and print its SHA-256."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.corpora.trials import KINDS, make_trials
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.trials import sha256, write_trials


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="data directory; its 'trials' is written")
    parser.add_argument(
        "--kind", choices=KINDS, default="all_pairs", help="all pairs, or as many targets as nontargets"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the balanced choice")
    parser.add_argument("--same-gender", action="store_true", help="only pairs of speakers of one gender")


def main(args: argparse.Namespace) -> None:
    trials = make_trials(DataDir(args.data), args.kind, args.seed, args.same_gender)
    path = args.data / "trials"
    write_trials(path, trials)
    targets = int(trials.target.sum())
    print(f"{path}: {targets} target and {len(trials) - targets} nontarget trials, SHA-256 {sha256(path)}")
