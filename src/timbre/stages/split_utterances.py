"""Makes two data directories out of one, every class in both: one to train on, one to report on.

Units (by default sessions, utt2session) and copies (utt2uniq) stand in one of them whole; a hash with the seed
decides in which.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from timbre.corpora.splits import UNITS, split_utterances
from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--share", type=float, default=0.1, help="of each class's utterances, to SECOND")
    parser.add_argument("--labels", default="utt2spk", help="the table of the classes")
    parser.add_argument("--seed", type=int, default=1, help="of the hash")
    parser.add_argument("--least", type=int, default=1, help="utterances of each class in SECOND, at least")
    parser.add_argument(
        "--unit",
        choices=list(UNITS),
        default="session",
        help="what stands in one part whole; a session is the utterance where there is no utt2session",
    )
    parser.add_argument("source", help="data directory")
    parser.add_argument("first", type=Path, help="data directory to write")
    parser.add_argument("second", type=Path, help="data directory to write")


def main(args: argparse.Namespace) -> None:
    source, how = DataDir(args.source), (args.labels, args.share, args.least, args.seed, args.unit)
    said = split_utterances(source, args.first, args.second, *how)
    for line in said:
        print(f"split_utterances.sh: {line}", file=sys.stderr if line.startswith("WARNING") else sys.stdout)
