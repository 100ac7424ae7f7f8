"""Makes two data directories out of one, without a speaker in both: one to train on, one to test.

By the table utt2split where there is one ('<utt> train|test'), else a hash with the seed chooses the speakers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.corpora.speaker_parts import split_speakers
from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--share", type=float, default=0.3, help="of the speakers, to be tested")
    parser.add_argument("--seed", type=int, default=1, help="of the hash")
    parser.add_argument("source", help="data directory")
    parser.add_argument("train", type=Path, help="data directory to write")
    parser.add_argument("test", type=Path, help="data directory to write")


def main(args: argparse.Namespace) -> None:
    for line in split_speakers(DataDir(args.source), args.train, args.test, args.share, args.seed):
        print(line)
