"""Training throughput: crops from ark, computed online, and online with augmentation, by reading processes.

    python benchmarks/throughput.py --conf conf/ecapa_aam.yaml --train data/fbank80-…/train_speeds_0.9_1.1

Trains an epoch in each cell, from features that stage 1 has made, and prints utterances a second, the ratio to the
first cell, and the share of the time that the training process waited for a batch.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

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
        exp = f"{folder}/exp"
        every = [f"train.epochs={epochs}", "train.heldout_speakers=0", "train.average=1", *settings]
        command = [sys.executable, "-m", "timbre", "train-encoder", "--conf", conf, "--train", train]
        command += [f"--set={setting}" for setting in every] + ["--device", "cpu", exp]
        subprocess.run(command, check=True, capture_output=True)
        return json.loads(Path(exp, "history.jsonl").read_text().splitlines()[-1])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conf", required=True, help="an experiment's conf")
    parser.add_argument("--train", required=True, help="training data with feats.scp")
    parser.add_argument("--epochs", type=int, default=1, help="of which the last counts")
    args = parser.parse_args()
    first = None
    print("| crops | utterances a second | ratio | waiting for data |\n| --- | --- | --- | --- |")
    for name, settings in CELLS.items():
        row = measure(args.conf, args.train, settings, args.epochs)
        speed = row["utterances_per_second"]
        first = first or speed
        print(f"| {name} | {speed:.1f} | {speed / first:.2f} | {row['waiting']:.1%} |", flush=True)


if __name__ == "__main__":
    main()
