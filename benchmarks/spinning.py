"""What it costs that threads wait by spinning: a training step alone, and two trainings at once on the same cores.

    python benchmarks/spinning.py [--rounds 3] [--steps 10]

OpenMP's threads spin for a while before they sleep. Alone that saves the time to wake them; where other processes
have work, it is taken from them. Each row is a setting of the environment: GOMP_SPINCOUNT bounds the spinning, and
OMP_WAIT_POLICY=passive leaves it out. ECAPA-TDNN in fp32 and in bf16, forward and backward, two threads; medians
over rounds of medians over steps; two at once begin together, and the mean of both is shown.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

from cells import ALLOCATOR, ROOT, THREADS, median, parse, precisions, show

SETTINGS = {
    "(none)": {},
    **{f"GOMP_SPINCOUNT={count}": {"GOMP_SPINCOUNT": str(count)} for count in (100, 1000, 10000, 100000)},
    "OMP_WAIT_POLICY=passive": {"OMP_WAIT_POLICY": "passive"},
}


def cell(precision: str, channels: int, batch: int, frames: int, steps: int) -> dict:
    """Seconds of a step, the median of ``steps``."""
    import torch

    from timbre.models import build_encoder, ecapa_tdnn
    from timbre.models.precision import autocast

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    encoder = build_encoder(ecapa_tdnn.Conf(channels=channels), 80)
    feats, lengths, seconds = torch.randn(batch, frames, 80), torch.full((batch,), frames), []
    for _ in range(steps + 3):
        begin = time.perf_counter()
        with autocast(precision, torch.device("cpu")):
            loss = encoder(feats, lengths).square().mean()
        loss.backward()
        seconds.append(time.perf_counter() - begin)
    return {"seconds": statistics.median(seconds[3:])}


def run(arguments: list, variables: dict[str, str], count: int) -> dict:
    """The mean of ``count`` cells that begin at once, each in a process of its own with ``variables``."""
    environment = os.environ | ALLOCATOR | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": str(THREADS)}
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        environment.pop(name, None)
    command = [sys.executable, sys.argv[0], "--cell", json.dumps(arguments)]
    processes = [
        subprocess.Popen(command, env=environment | variables, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    results = [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]
    return {"seconds": statistics.mean(result["seconds"] for result in results)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--channels", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--frames", type=int, default=200)
    args = parse(parser, cell, rounds=1, steps=1, channels=16, batch=2, frames=20)
    settings = dict(list(SETTINGS.items())[:: 5 if args.smallest else 1])
    for precision in precisions()[: 1 if args.smallest else None]:
        arguments = [precision, args.channels, args.batch, args.frames, args.steps]
        found = {(name, count): [] for name in settings for count in (1, 2)}
        for _ in range(args.rounds):
            for name, count in found:
                found[name, count].append(run(arguments, settings[name], count))
        alone, both = (median(found["(none)", count], "seconds") for count in (1, 2))
        rows = []
        for name in settings:
            one, two = (median(found[name, count], "seconds") for count in (1, 2))
            rows.append([precision, name, one, one / alone, two, two / both])
        show(["precision", "setting", "s a step", "ratio to none", "s, two at once", "ratio to none, two"], rows)
        print()


if __name__ == "__main__":
    main()
