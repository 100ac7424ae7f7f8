"""Measures classifications: accuracy, recall, F1, their 95 % intervals by resampled speakers, and confusions.

Prints tables of systems, classes and speakers, what training knew of them, and what the figures do not beat; writes
metrics.json and confusion.npz to the output directory.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.scoring.baselines import title
from timbre.scoring.class_table import table
from timbre.scoring.classification import evaluate_classes
from timbre.scoring.systems import by_name, named_system


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--labels", default="utt2spk", help="the table of the classes: utt2spk, utt2emotion")
    parser.add_argument("--name", default="model", help="what the system is called in tables and plots")
    parser.add_argument(
        "--system",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="a further system and its posteriors of the same utterances; repeatable",
    )
    parser.add_argument(
        "--baseline",
        action="append",
        default=[],
        type=Path,
        metavar="FOLDER",
        help="a further system by the name that the baseline has in tables: exp/x/baseline/majority; repeatable",
    )
    trained = parser.add_mutually_exclusive_group()
    trained.add_argument(
        "--train", help="data directory that was trained on; what both have in common is looked for"
    )
    trained.add_argument("--folds", help="of a cross-validation: its folds, <k>/{train,test}")
    parser.add_argument("--replicates", type=int, default=1000, help="resamplings of the speakers")
    parser.add_argument("--seed", type=int, default=0, help="seed of the resampling")
    parser.add_argument("data", help="data directory of the utterances")
    parser.add_argument("folder", help="folder of posteriors.scp and classes")
    parser.add_argument("out", help="directory for metrics.json and confusion.npz")


def main(args: argparse.Namespace) -> None:
    expected = "FOLDER with posteriors.scp; steps/predict.sh and steps/predict_baselines.sh (stage 3) make it"
    further = [
        named_system(text, lambda path: (path / "posteriors.scp").is_file(), expected) for text in args.system
    ]
    baselines = [(title(folder), str(folder)) for folder in args.baseline]
    systems = by_name([(args.name, args.folder), *further, *baselines])
    metrics = evaluate_classes(
        args.data, systems, args.out, args.labels, args.train, args.replicates, args.seed, args.folds
    )
    print(table(metrics))
