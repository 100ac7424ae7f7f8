"""Make a trial list over the utterances of a data directory, and print its SHA-256."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.corpora.trials import KINDS, make_trials, save_trials
from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="data directory; its 'trials' is written")
    parser.add_argument(
        "--kind", choices=KINDS, default="all_pairs", help="all pairs, or as many targets as nontargets"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the balanced choice")
    parser.add_argument("--same-gender", action="store_true", help="only pairs of speakers of one gender")


def main(args: argparse.Namespace) -> None:
    trials = make_trials(DataDir(args.data), args.kind, args.seed, args.same_gender)
    print(save_trials(args.data / "trials", trials))
