"""Training killed with SIGKILL at random moments, against training left alone: are the weights the same bits?

    python benchmarks/resume.py --conf conf/xvector_am.yaml --train data/<features>/train --kills 20

Uses the recipe's features (stage 1). Prints the moments of the kills and whether all weights are equal.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch


def train(conf: str, settings: list[str], data: str, exp: Path, kill_after: float | None) -> bool:
    """Runs training in a process of its own; True when it ended by itself."""
    command = [sys.executable, "-m", "timbre", "train-encoder", "--conf", conf, "--train", data, "--device", "cpu"]
    command += [f"--set={setting}" for setting in settings] + [str(exp)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return process.wait(timeout=kill_after) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--conf", default="conf/xvector_am.yaml")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--train", required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    folder = Path(tempfile.mkdtemp())
    began = time.monotonic()
    if not train(args.conf, args.set, args.train, folder / "whole", None):
        sys.exit("training left alone did not end well")
    whole = time.monotonic() - began
    startup = 4.0  # seconds before the first step: a kill there tests nothing
    kills = 0
    while kills < args.kills:
        moment = startup + rng.random() * whole / 4
        if train(args.conf, args.set, args.train, folder / "killed", moment):
            shutil.rmtree(folder / "again", ignore_errors=True)
            compare(folder)
            (folder / "killed").rename(folder / "again")  # it ended before all kills: begin another
            continue
        kills += 1
        print(f"kill {kills} after {moment:.1f} s", flush=True)
    while not train(args.conf, args.set, args.train, folder / "killed", None):
        pass
    compare(folder)
    print(f"left alone: {whole:.1f} s; {args.kills} kills")
    shutil.rmtree(folder)


def compare(folder: Path) -> None:
    """Prints whether all weights of the killed and the whole training are the same bits; exits 1 if not."""
    one, other = (torch.load(folder / name / "final.pt", weights_only=True) for name in ("whole", "killed"))
    pairs = [(one[part][name], other[part][name]) for part in ("encoder", "loss") for name in one[part]]
    same = all(torch.equal(a, b) for a, b in pairs)
    print(f"{len(pairs)} tensors: {'the same bits' if same else 'DIFFERENT'}", flush=True)
    if not same:
        sys.exit(1)


if __name__ == "__main__":
    main()
