"""GE2E by matrix products beside a loop over speakers and utterances: seconds, and how far they differ.

    python benchmarks/ge2e_loss.py [--rounds 3] [--speakers 64] [--utterances 10] [--dim 256]

Forward and backward of both in alternating rounds, on embeddings of length 1 in fp32, two threads; medians. The
loop forms the centroids of every utterance as they stand in the paper, the comparisons with all of them at once.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from cells import THREADS, parse, show
from torch.nn import functional as F

from timbre.losses import build_loss, ge2e


def looped(loss: torch.nn.Module, embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The paper's sums, an utterance at a time, with ``loss``'s scale and offset."""
    unit = F.normalize(embeddings)
    groups = [unit[labels == speaker] for speaker in labels.unique()]
    means = torch.stack([group.mean(0) for group in groups])
    terms = []
    for speaker, group in enumerate(groups):
        for index, utterance in enumerate(group):
            own = torch.cat([group[:index], group[index + 1 :]]).mean(0, keepdim=True)
            centroids = torch.cat([means[:speaker], own, means[speaker + 1 :]])
            cosine = torch.cosine_similarity(utterance[None], centroids)
            similarity = F.softplus(loss.scale) * cosine + loss.offset
            terms.append(-similarity.log_softmax(0)[speaker])
    return torch.stack(terms).mean()


def timed(compute: Callable, loss: torch.nn.Module, embeddings: torch.Tensor, labels: torch.Tensor) -> tuple:
    """Seconds of forward and backward, value, gradient of the embeddings."""
    embeddings = embeddings.clone().requires_grad_()
    begin = time.perf_counter()
    value = compute(loss, embeddings, labels)
    value.backward()
    return time.perf_counter() - begin, value.detach(), embeddings.grad


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--speakers", type=int, default=64)
    parser.add_argument("--utterances", type=int, default=10)
    parser.add_argument("--dim", type=int, default=256)
    args = parse(parser, rounds=1, speakers=4, utterances=3)
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    loss = build_loss(ge2e.Conf(), args.dim, args.speakers)
    voices = torch.randn(args.speakers, args.dim).repeat_interleave(args.utterances, dim=0)
    embeddings = F.normalize(voices + 2 * torch.randn_like(voices))
    labels = torch.arange(args.speakers).repeat_interleave(args.utterances)
    forms = {"loop": looped, "timbre": lambda loss, embeddings, labels: loss(embeddings, labels).loss}
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    results = {}
    for _ in range(1 + args.rounds):  # the first warms up
        for name, compute in forms.items():
            spent, *results[name] = timed(compute, loss, embeddings, labels)
            seconds[name].append(spent)
    medians = {name: statistics.median(spent[1:]) for name, spent in seconds.items()}
    rows = [[name, 1e3 * spent, medians["loop"] / spent] for name, spent in medians.items()]
    show(["", "ms", "times as fast"], rows)
    value, gradient = ((a - b).abs().max().item() for a, b in zip(*results.values(), strict=True))
    size = results["loop"][1].abs().max().item()
    print(f"\nlargest difference: of the loss {value:.1e}, of a gradient {gradient:.1e} (of {size:.1e} at most)")


if __name__ == "__main__":
    main()
