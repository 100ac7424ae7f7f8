"""Training throughput: crops from ark, computed online, and online with augmentation, by reading processes.

    python benchmarks/throughput.py [--conf conf/ecapa_aam.yaml] [--train data/fbank80-…/train_speeds_0.9_1.1]

Trains an epoch in each cell, from features that stage 1 has made or on made-up recordings of 4 s, and prints
utterances a second, the ratio to the first cell, and the share of the time that the training process waited for a
batch.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cells import ROOT, parse, show, timbre
from made_up import SMALL_XVECTOR, write_training_data

from timbre.training.experiment import load_experiment

KINDS = "[reverberation,noise,music,babble]"
CELLS = {
    "ark": [],
    "ark, 1 reader": ["train.workers=1"],
    "online": ["train.features=online"],
    "online, 1 reader": ["train.features=online", "train.workers=1"],
    "online, augmented": ["train.features=online", f"augment.kinds={KINDS}"],
    "online, augmented, 1 reader": ["train.features=online", f"augment.kinds={KINDS}", "train.workers=1"],
    "online, augmented, 2 readers": ["train.features=online", f"augment.kinds={KINDS}", "train.workers=2"],
}


def measure(conf: str, train: str, settings: list[str], epochs: int) -> dict[str, float]:
    """The last line of the history of a training with ``settings``."""
    with tempfile.TemporaryDirectory() as folder:
        exp, log = Path(folder, "exp"), Path(folder, "log")
        every = [f"train.epochs={epochs}", "train.heldout_speakers=0", "train.average=1", *settings]
        options = [f"--set={setting}" for setting in every] + ["--device=cpu"]
        training = timbre("train-encoder", "--conf", conf, "--train", train, *options, str(exp), log=log)
        training.join()
        if training.exitcode:
            sys.exit(log.read_text())
        return json.loads((exp / "history.jsonl").read_text().splitlines()[-1])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conf", default=str(ROOT / "conf/ecapa_aam.yaml"), help="an experiment's conf")
    parser.add_argument("--set", action="append", default=[], help="a key of the conf")
    parser.add_argument("--train", help="training data with feats.scp (default: made up)")
    parser.add_argument("--speakers", type=int, default=100, help="of made-up data")
    parser.add_argument("--utterances", type=int, default=10, help="of each of them")
    parser.add_argument("--epochs", type=int, default=1, help="of which the last counts")
    args = parse(parser, conf=str(ROOT / "conf/xvector_am.yaml"), set=SMALL_XVECTOR, speakers=8, utterances=1)
    with tempfile.TemporaryDirectory() as folder:
        if not args.train:
            features = load_experiment(args.conf, args.set).features
            args.train = str(
                write_training_data(Path(folder, "train"), features, args.speakers, args.utterances, 4.0).path
            )

        def rows() -> Iterator[list]:
            first = None
            for name, settings in CELLS.items():
                row = measure(args.conf, args.train, [*args.set, *settings], args.epochs)
                speed = row["utterances_per_second"]
                first = first or speed
                yield [name, speed, speed / first, row["waiting"]]

        show(["crops", "utterances a second", "ratio", "share of waiting"], rows())


if __name__ == "__main__":
    main()
