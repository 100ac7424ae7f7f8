"""A training step of the CNN and LSTM on raw frames beside a Python loop over time steps in float64.

    python benchmarks/audionet_step.py [--rounds 3] [--steps 10] [--batch 10] [--frames 125] [--samples 500]

The loop is how the exercise's network is written that the conf ``audionet`` corrects: each of the frames goes
through the convolutions and two LSTM cells by itself, in float64; in ``loop, CNN at once`` the cells alone do.
timbre's is the encoder of ``egs/tess/ser/conf/audionet.yaml``, in fp32 and under autocast in bf16. All take
forward, cross-entropy of two classes, backward and Adam, with the same weights, and their first losses agree. Each
cell is a process of its own; rounds alternate, medians over rounds of medians over steps.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from cells import THREADS, alternate, median, parse, peak_memory, precisions, show

WARM_UP = 3


def loop(encoder, head, at_once: bool) -> Callable:
    """``logits(feats)`` as the exercise has it, with the weights of timbre's encoder and loss."""
    import torch
    from torch.nn import functional as F

    cells = [torch.nn.LSTMCell(size, encoder.embedding_dim).double() for size in (128, encoder.embedding_dim)]
    for layer, one in enumerate(cells):
        for name, weight in one.named_parameters():
            weight.data.copy_(getattr(encoder.lstm, f"{name}_l{layer}").data)
    convolutions = encoder.convolutions.double()

    def convolve(frames):
        found = F.avg_pool1d(frames[:, None], 2)
        for layer in convolutions:
            found = F.max_pool1d(F.relu(F.conv1d(found, layer.weight[:, :, 0], layer.bias, stride=2)), 2)
        return found.flatten(1)

    def logits(feats):
        states = [(feats.new_zeros(len(feats), encoder.embedding_dim),) * 2 for _ in cells]
        whole = convolve(feats.flatten(0, 1)).unflatten(0, feats.shape[:2]) if at_once else None
        for place in range(feats.shape[1]):
            below = convolve(feats[:, place]) if whole is None else whole[:, place]
            for layer, one in enumerate(cells):
                states[layer] = one(below, states[layer])
                below = states[layer][0]
        return head.double()(F.relu(below))

    logits.parameters = [
        *convolutions.parameters(),
        *head.parameters(),
        *cells[0].parameters(),
        *cells[1].parameters(),
    ]
    return logits


def cell(system: str, batch: int, frames: int, samples: int, steps: int) -> dict:
    """One process's measurement: seconds of a step, and the first step's loss."""
    import torch
    from torch.nn import functional as F

    from timbre.models import audionet, build_encoder
    from timbre.models.precision import autocast

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    encoder, head = build_encoder(audionet.Conf(), samples), torch.nn.Linear(64, 2)
    feats, labels, lengths = (
        torch.randn(batch, frames, samples),
        torch.arange(batch) % 2,
        torch.full((batch,), frames),
    )
    if system.startswith("loop"):
        logits, feats = loop(encoder, head, at_once="at once" in system), feats.double()
        parameters = logits.parameters
    else:
        parameters = [*encoder.parameters(), *head.parameters()]

        def logits(feats):
            return head(encoder(feats, lengths))

    optimizer = torch.optim.Adam([weight for weight in parameters if weight.requires_grad], lr=1e-4, fused=True)
    seconds, losses = [], []
    for _ in range(WARM_UP + steps):
        begin = time.perf_counter()
        optimizer.zero_grad()
        with autocast("bf16" if system == "bf16" else "fp32", torch.device("cpu")):
            found = logits(feats)
        loss = F.cross_entropy(found if found.dtype == torch.float64 else found.float(), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        seconds.append(time.perf_counter() - begin)
    return {"seconds": statistics.median(seconds[WARM_UP:]), "memory": peak_memory(), "loss": losses[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10, help="measured steps of a process")
    parser.add_argument("--batch", type=int, default=10, help="utterances of a step")
    parser.add_argument("--frames", type=int, default=125, help="of an utterance")
    parser.add_argument("--samples", type=int, default=500, help="of a frame")
    args = parse(parser, cell, rounds=1, steps=1, batch=2, frames=8)
    size = [args.batch, args.frames, args.samples, args.steps]
    systems = ["loop", "loop, CNN at once", *precisions()]
    results = alternate(cell, {system: ([system, *size], True) for system in systems}, args.rounds, args.smallest)
    slowest = median(results["loop"], "seconds")
    rows = []
    for system, found in results.items():
        seconds, loss, memory = (median(found, key) for key in ("seconds", "loss", "memory"))
        rows.append([system, 1e3 * seconds, slowest / seconds, f"{loss:.6f}", memory])
    show(["", "ms a step", "times the loop's speed", "first loss", "peak MB"], rows)


if __name__ == "__main__":
    main()
