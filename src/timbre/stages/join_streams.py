"""Puts the streams of utterances, made in directories of their own, into one data directory.

Those whose tables are named by --by-speaker are normalised by speaker there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.errors import TimbreError
from timbre.features.by_speaker import normalise_streams
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.streams import join_streams


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--stream",
        action="append",
        default=[],
        metavar="NAME=FEATS[,VECTORS]",
        help="a stream: the data directory of its frames, the folder of its xvector.scp if it has one; repeatable",
    )
    parser.add_argument(
        "--by-speaker",
        action="append",
        default=[],
        metavar="TABLE",
        help="a table that is normalised by speaker: feats_<name>.scp, vectors_<name>.scp; repeatable",
    )
    parser.add_argument("data", help="data directory")
    parser.add_argument("out", type=Path, help="data directory to write")


def main(args: argparse.Namespace) -> None:
    streams = {}
    for text in args.stream:
        name, equals, folders = text.partition("=")
        frames, _, vectors = folders.partition(",")
        if not (name and equals and frames):
            raise TimbreError(f"--stream takes NAME=FEATS[,VECTORS], found '{text}'")
        streams[name] = Path(frames), Path(vectors) if vectors else None
    print(join_streams(DataDir(args.data), streams, args.out))
    normalise_streams(DataDir(args.out), args.by_speaker)
