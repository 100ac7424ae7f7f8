"""Takes the posteriors of a data directory's utterances out of those of more: of one language out of several.

Classes that have probability 0 there, and are no label of it, are left out.
"""

from __future__ import annotations

import argparse

from timbre.kaldi.datadir import DataDir
from timbre.scoring.ensemble import copy_members
from timbre.scoring.posteriors import select_posteriors


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--labels", default="utt2emotion", help="the table of the classes")
    parser.add_argument("data", help="data directory of the utterances")
    parser.add_argument("folder", help="folder of posteriors.scp and classes")
    parser.add_argument("out", help="folder for the part")


def main(args: argparse.Namespace) -> None:
    print(select_posteriors(args.folder, DataDir(args.data), args.out, args.labels))
    copy_members(args.folder, args.out)
