"""A training step of ECAPA-TDNN beside SpeechBrain's: seconds, share of the peak, memory, and the losses.

    python benchmarks/ecapa_step.py [--rounds 3] [--steps 8] [--batch 32] [--frames 200]

C = 512, 32 × 200 frames × 80, AAM-softmax over 5,994 classes, forward, backward and Adam, two threads. Each cell
is a process of its own; rounds alternate, medians over rounds of medians over steps are shown. Both systems
see the same batches, of 64 made-up speakers, so that the losses can be compared; the work of a step is counted
by torch's FlopCounterMode, the peak is that of a product of two 4096 × 4096 matrices in the same process.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from cells import THREADS, alternate, have_speechbrain, median, parse, peak_gflops, peak_memory, precisions, show

DIM, CHANNELS, CLASSES, SPEAKERS = 80, 512, 5994, 64
WARM_UP = 4  # the first steps fault the memory in


def timbre_step(batch: int, frames: int) -> tuple[list, Callable, bool]:
    """Parameters, ``loss(feats, labels)``, and whether Adam is the fused one, as timbre's trainer has it."""
    import torch

    from timbre.losses import aam_softmax, build_loss
    from timbre.models import build_encoder, ecapa_tdnn

    encoder = build_encoder(ecapa_tdnn.Conf(channels=CHANNELS), DIM)
    loss = build_loss(aam_softmax.Conf(scale=30, margin=0.2), encoder.embedding_dim, CLASSES)
    lengths = torch.full((batch,), frames)
    parameters = [*encoder.parameters(), *loss.parameters()]
    return parameters, lambda feats, labels: loss(encoder(feats, lengths), labels).loss, True


def speechbrain_step(batch: int, frames: int) -> tuple[list, Callable, bool]:
    """The same of SpeechBrain, as its VoxCeleb recipe puts it together."""
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN, Classifier
    from speechbrain.nnet.losses import AdditiveAngularMargin, LogSoftmaxWrapper

    encoder = ECAPA_TDNN(DIM, channels=[CHANNELS] * 4 + [1536], lin_neurons=192)
    classifier = Classifier(192, out_neurons=CLASSES)
    loss = LogSoftmaxWrapper(AdditiveAngularMargin(margin=0.2, scale=30))
    parameters = [*encoder.parameters(), *classifier.parameters()]
    return parameters, lambda feats, labels: loss(classifier(encoder(feats)), labels[:, None]), False


def cell(system: str, precision: str, steps: int, batch: int, frames: int, product: int) -> dict:
    """One process's measurement."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from timbre.models.precision import autocast

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    voices = torch.randn(SPEAKERS, 1, DIM)
    labels = torch.randint(SPEAKERS, (WARM_UP + steps, batch))
    batches = [voices[chosen] + 2 * torch.randn(batch, frames, DIM) for chosen in labels]
    parameters, loss_of, fused = {"timbre": timbre_step, "speechbrain": speechbrain_step}[system](batch, frames)
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=fused)

    def step(index: int) -> float:
        with autocast(precision, torch.device("cpu")):
            loss = loss_of(batches[index], labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    losses, seconds = [], []
    with FlopCounterMode(display=False) as counter:
        losses.append(step(0))
    for index in range(1, WARM_UP + steps):
        begin = time.perf_counter()
        losses.append(step(index))
        seconds.append(time.perf_counter() - begin)
    return {
        "seconds": statistics.median(seconds[WARM_UP - 1 :]),
        "gflop": counter.get_total_flops() / 1e9,
        "memory": peak_memory(),
        "peak": peak_gflops("bfloat16" if precision == "bf16" else "float32", product),
        "losses": losses,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8, help="measured steps of a process")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--product", type=int, default=4096, help="rows of the matrices whose product is the peak")
    args = parse(parser, cell, rounds=1, steps=1, batch=2, frames=20, product=256)
    size = [args.steps, args.batch, args.frames, args.product]
    systems = ["speechbrain", "timbre"] if have_speechbrain() else ["timbre"]
    cells = {
        f"{system} {precision}, {'variables' if allocator else 'default'}": (
            [system, precision, *size],
            allocator,
        )
        for system in systems
        for precision in precisions()
        for allocator in (False, True)
    }
    results = alternate(cell, cells, args.rounds, args.smallest)
    base = median(results[next(iter(cells))], "seconds")
    rows = []
    for name, found in results.items():
        seconds, gflop, peak, memory = (median(found, key) for key in ("seconds", "gflop", "peak", "memory"))
        rows.append([name, seconds, base / seconds, gflop, gflop / seconds, gflop / seconds / peak, memory])
    show(["cell", "s a step", "times as fast", "GFLOP", "GFLOP/s", "ratio to the peak", "peak MB"], rows)
    print()
    losses = {name: " ".join(f"{loss:.2f}" for loss in found[0]["losses"]) for name, found in results.items()}
    show(["cell", "losses, step by step"], losses.items())


if __name__ == "__main__":
    main()
