"""A training step of the Conformer beside torchaudio's, and how its time grows with the frames of an utterance.

    python benchmarks/conformer_step.py [--rounds 3] [--steps 8] [--batch 32] [--frames 128]
        [--lengths 128 256 512 1024 2048]

256 channels, 4 heads, 4 layers, feed-forward 1024, kernel 31, no subsampling, average over time; forward of a batch
without padding, backward of a fixed random sum, Adam. torchaudio's has no positions: timbre's does more work. For
the growth the batch shrinks as utterances grow, so that steps have as many frames. Each cell is a process of its
own; rounds alternate, medians over rounds of medians over steps.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

from cells import THREADS, alternate, median, peak_memory

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
    """The same of torchaudio, with timbre's linear layer before and dropout."""
    import torch
    from torchaudio.models import Conformer

    first = torch.nn.Linear(DIM, DIM)
    blocks = Conformer(DIM, HEADS, FEED_FORWARD, LAYERS, KERNEL, dropout=0.1)
    lengths = torch.full((batch,), frames)
    return [*first.parameters(), *blocks.parameters()], lambda feats: blocks(first(feats), lengths)[0].mean(dim=1)


def cell(system: str, frames: int, batch: int, steps: int) -> dict:
    """One process's measurement."""
    import torch

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    feats, weights = torch.randn(batch, frames, DIM), torch.randn(batch, DIM)
    parameters, embeddings = {"timbre": timbre_model, "torchaudio": torchaudio_model}[system](frames, batch)
    optimizer = torch.optim.Adam(parameters, lr=1e-4, fused=True)
    seconds = []
    for _ in range(WARM_UP + steps):
        begin = time.perf_counter()
        optimizer.zero_grad()
        (embeddings(feats) * weights).sum().backward()
        optimizer.step()
        seconds.append(time.perf_counter() - begin)
    return {"seconds": statistics.median(seconds[WARM_UP:]), "memory": peak_memory()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8, help="measured steps of a process")
    parser.add_argument("--batch", type=int, default=32, help="utterances of a step")
    parser.add_argument("--frames", type=int, default=128, help="of an utterance")
    parser.add_argument("--lengths", type=int, nargs="*", default=[128, 256, 512, 1024, 2048])
    parser.add_argument("--cell", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.cell:
        print(json.dumps(cell(args.cell[0], *(int(value) for value in args.cell[1:]))))
        return
    sizes = {(args.frames, args.batch)}
    sizes |= {(frames, max(1, args.batch * args.frames // frames)) for frames in args.lengths}
    cells = {
        f"{system} {batch} × {frames}": ([system, str(frames), str(batch), str(args.steps)], True)
        for frames, batch in sorted(sizes)
        for system in SYSTEMS
    }
    results = alternate(__file__, cells, args.rounds)
    base = {system: median(results[f"{system} {args.batch} × {args.frames}"], "seconds") for system in SYSTEMS}
    print(f"{'cell':24}  s a step  of torchaudio's  of {args.frames} frames'  peak MB")
    for name, found in results.items():
        system, size = name.split(" ", 1)
        seconds = median(found, "seconds")
        beside = seconds / median(results[f"torchaudio {size}"], "seconds")
        memory = median(found, "memory")
        print(f"{name:24}  {seconds:8.3f}  {beside:15.2f}  {seconds / base[system]:14.2f}  {memory:7.0f}")


if __name__ == "__main__":
    main()
