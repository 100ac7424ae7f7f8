"""A training step of the Conformer beside torchaudio's, and how its time grows with the frames of an utterance.

    python benchmarks/conformer_step.py [--rounds 3] [--steps 8] [--batch 32] [--lengths 128 256 512 1024 2048]

Compared are 4 blocks of 256 channels, 4 heads, feed-forward 1024, kernel 31 and dropout 0.1 behind a linear layer
256 → 256, with the mean over time: forward of a batch without padding, backward of a fixed random sum, AdamW. All
frames reach the blocks, without subsampling. torchaudio's blocks have no positions; timbre's do more work. In bf16,
where the processor has it, the forward runs under autocast. For the growth the batch shrinks as utterances grow, so
that steps have as many frames. Each cell is a process of its own; rounds alternate, medians over rounds of medians
over steps.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from cells import THREADS, alternate, median, parse, peak_memory, precisions, show

DIM, HEADS, LAYERS, FEED_FORWARD, KERNEL = 256, 4, 4, 1024, 31
WARM_UP = 3
SYSTEMS = ("torchaudio", "timbre")


def timbre_model(frames: int, batch: int) -> tuple[list, Callable]:
    """Parameters, and ``embeddings(feats)``."""
    import torch

    from timbre.models import build_encoder, conformer

    conf = conformer.Conf(
        channels=DIM,
        heads=HEADS,
        layers=LAYERS,
        feed_forward=FEED_FORWARD,
        kernel=KERNEL,
        subsampling=1,
        embedding_dim=0,
    )
    encoder = build_encoder(conf, DIM)
    lengths = torch.full((batch,), frames)
    return list(encoder.parameters()), lambda feats: encoder(feats, lengths)


def torchaudio_model(frames: int, batch: int) -> tuple[list, Callable]:
    """The same of torchaudio."""
    import torch
    from torchaudio.models import Conformer

    first = torch.nn.Linear(DIM, DIM)
    blocks = Conformer(DIM, HEADS, FEED_FORWARD, LAYERS, KERNEL, dropout=0.1)
    lengths = torch.full((batch,), frames)
    return [*first.parameters(), *blocks.parameters()], lambda feats: blocks(first(feats), lengths)[0].mean(dim=1)


def cell(system: str, precision: str, frames: int, batch: int, steps: int) -> dict:
    """One process's measurement."""
    import torch

    from timbre.models.precision import autocast

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    feats, weights = torch.randn(batch, frames, DIM), torch.randn(batch, DIM)
    parameters, embeddings = {"timbre": timbre_model, "torchaudio": torchaudio_model}[system](frames, batch)
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, fused=True)
    seconds = []
    for _ in range(WARM_UP + steps):
        begin = time.perf_counter()
        optimizer.zero_grad()
        with autocast(precision, torch.device("cpu")):
            found = embeddings(feats)
        (found * weights).sum().backward()
        optimizer.step()
        seconds.append(time.perf_counter() - begin)
    return {"seconds": statistics.median(seconds[WARM_UP:]), "memory": peak_memory()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8, help="measured steps of a process")
    parser.add_argument("--batch", type=int, default=32, help="utterances of a step of the first length")
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 256, 512, 1024, 2048], help="frames")
    args = parse(parser, cell, rounds=1, steps=1, batch=2, lengths=[8, 16])
    sizes = {frames: max(1, args.batch * args.lengths[0] // frames) for frames in args.lengths}
    kinds = precisions()
    cells = {
        f"{system} {precision} {frames}": ([system, precision, frames, batch, args.steps], True)
        for precision in kinds
        for frames, batch in sizes.items()
        for system in SYSTEMS
    }
    results = alternate(cell, cells, args.rounds, args.smallest)
    rows, powers = [], []
    for precision in kinds:
        seconds = {
            s: [median(results[f"{s} {precision} {frames}"], "seconds") for frames in sizes] for s in SYSTEMS
        }
        for (frames, batch), theirs, ours in zip(sizes.items(), *seconds.values(), strict=True):
            memory = " ".join(f"{median(results[f'{s} {precision} {frames}'], 'memory'):.0f}" for s in SYSTEMS)
            shape, per_frame = f"{batch} × {frames}", 1e3 * ours / (frames * batch)
            rows.append([precision, shape, 1e3 * theirs, 1e3 * ours, ours / theirs, per_frame, memory])
        powers += [f"{growth(sizes, values):.2f} ({s}, {precision})" for s, values in seconds.items()]
    columns = ["torchaudio, ms", "timbre, ms", "ratio", "timbre, ms a frame", "peak MB, both"]
    show(["precision", "batch × frames", *columns], rows)
    if len(sizes) > 1:
        print(f"\nThe time of an utterance grows as its frames to the power of {', '.join(powers)}.")


def growth(sizes: dict[int, int], seconds: list[float]) -> float:
    """The exponent a of seconds an utterance ∝ frames^a, by least squares of logarithms."""
    frames, batches = np.array(list(sizes)), np.array(list(sizes.values()))
    return float(np.polyfit(np.log(frames), np.log(np.array(seconds) / batches), 1)[0])


if __name__ == "__main__":
    main()
