"""Takes the frames of an earlier version of a data directory whose audio is the same (steps/make_feats.sh).

Prints a line if it does, and nothing if the frames are to be made.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.pipeline.reuse import reuse_frames


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, help="the data directory as it stands")
    parser.add_argument("work", type=Path, help="the folder that is to replace it, with its tables")


def main(args: argparse.Namespace) -> None:
    if count := reuse_frames(args.out, args.work):
        print(f"{args.work}/feats.scp: {count} utterances, frames as before: the audio is the same")
