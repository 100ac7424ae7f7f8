"""Measures a fusion's gate: the mean weight of each stream by language and emotion, with intervals by speaker.

Prints the table and writes gates.json to the output directory.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.kaldi.datadir import DataDir
from timbre.scoring.gates import measure_gates, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--labels", default="utt2emotion", help="the table of the classes")
    parser.add_argument("--replicates", type=int, default=1000, help="resamplings of the speakers")
    parser.add_argument("--seed", type=int, default=0, help="seed of the resampling")
    parser.add_argument("data", help="data directory of the utterances")
    parser.add_argument("folder", help="folder of gates.scp and streams")
    parser.add_argument("out", help="directory for gates.json; an experiment's, with its models")


def main(args: argparse.Namespace) -> None:
    out = Path(args.out)
    models = sorted(path.parent for pattern in ("", "seeds/*/") for path in out.glob(f"{pattern}fold_*/final.pt"))
    how = args.labels, args.replicates, args.seed
    print(table(measure_gates(DataDir(args.data), args.folder, out, *how, models)))
