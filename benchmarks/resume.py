"""Training killed with SIGKILL at random moments, against training left alone: are the weights the same bits?

    python benchmarks/resume.py [--conf conf/xvector_am.yaml] [--train data/<features>/train] [--kills 20]

Trains on features that stage 1 has made, or on made-up recordings of 4 s. A training that was killed is begun again
until it ends; with kills left, another follows. One tensor that differs is a failure.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from cells import ROOT, parse, show, timbre
from made_up import SMALL_XVECTOR, write_training_data

from timbre.training.experiment import load_experiment


def train(options: list[str], exp: Path, kill_after: float | None = None) -> bool:
    """Trains in a process of its own; True when it ended by itself."""
    log = exp.with_suffix(".log")
    process = timbre("train-encoder", *options, str(exp), log=log)
    process.join(kill_after)
    if process.is_alive():
        process.kill()
        process.join()
        return False
    if process.exitcode:
        sys.exit(log.read_text())
    return True


def weights(exp: Path) -> dict[str, torch.Tensor]:
    final = torch.load(exp / "final.pt", weights_only=True)
    return {f"{part}.{name}": weight for part in ("encoder", "loss") for name, weight in final[part].items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conf", default=str(ROOT / "conf/xvector_am.yaml"))
    parser.add_argument("--set", action="append", default=[], help="a key of the conf")
    parser.add_argument("--train", help="training data with feats.scp (default: made up)")
    parser.add_argument("--speakers", type=int, default=20, help="of made-up data")
    parser.add_argument("--utterances", type=int, default=10, help="of each of them")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    few = ["train.epochs=2", "train.batch_size=2", "train.checkpoint_steps=1", "train.heldout_speakers=2"]
    args = parse(parser, speakers=4, utterances=3, kills=3, set=few + SMALL_XVECTOR)
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not args.train:
            features = load_experiment(args.conf, args.set).features
            args.train = str(
                write_training_data(folder / "train", features, args.speakers, args.utterances, 4.0).path
            )
        options = ["--conf", args.conf, "--train", args.train, "--device=cpu"]
        options += [f"--set={setting}" for setting in args.set]
        begin = time.perf_counter()
        train(options, folder / "whole")
        seconds, expected = time.perf_counter() - begin, weights(folder / "whole")
        print(f"left alone: {seconds:.1f} s, {len(expected)} tensors\n")
        failed = []

        def rows() -> Iterator[list]:
            left, number = args.kills, 0
            while left:
                number += 1
                exp, moments = folder / f"killed{number}", []
                while not train(options, exp, moment := rng.random() * seconds / 4 if left else None):
                    moments.append(f"{moment:.1f}")
                    left -= 1
                found = weights(exp)
                other = [key for key, weight in expected.items() if not torch.equal(found[key], weight)]
                failed.extend(other)
                yield [number, " ".join(moments), len(other)]

        show(["training", "killed after, s", "tensors of other bits"], rows())
    if failed:
        sys.exit(f"resumed training differs: {', '.join(failed)}")


if __name__ == "__main__":
    main()
