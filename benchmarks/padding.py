"""The largest change that padding makes to an embedding, over all encoders and poolings at their default sizes.

    python benchmarks/padding.py [--longest 415]

Utterances of 15 frames and more alone against the same in a batch padded with large numbers, in evaluation mode
with BatchNorm statistics of training; the largest absolute difference, beside the embeddings' own root mean square.
"""

from __future__ import annotations

import argparse

import torch
from cells import PHONES, parse, show

from timbre.conf import Section, build, kind_module, kinds
from timbre.models import build_encoder

SHORTEST = 15
POOLINGS = ["average", "statistics", "self_attentive", "attentive_statistics"]
DIMS = {"audionet": 500, "wav2vec": 160, "redimnet2": 72}  # of raw frames samples; of other kinds 80 values
NEEDED = {"allosaurus": {"phones": PHONES}}  # what has no default


def conf_of(kind: str) -> type[Section]:
    return kind_module("timbre.models", kind).Conf


def largest_error(kind: str, pooling: str | None, lengths: list[int]) -> tuple[float, float]:
    """``(largest absolute difference, root mean square of the embeddings)``."""
    torch.manual_seed(0)
    chosen = {"pooling": {"kind": pooling}} if pooling else {}
    conf, dim = build(conf_of(kind), {"kind": kind, **NEEDED.get(kind, {}), **chosen}), DIMS.get(kind, 80)
    encoder = build_encoder(conf, dim)
    with torch.no_grad():
        for module in encoder.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.momentum = None  # the plain mean of all batches
        encoder.train()
        length = min(100, lengths[-1])
        for _ in range(3):  # BatchNorm that shifts: padding is no longer zero unless it is kept so
            encoder(2 * torch.randn(8, length, dim) + 1, torch.full((8,), length))
        encoder.eval()
        utterances = [2 * torch.randn(length, dim) + 1 for length in lengths]
        batch = torch.full((len(lengths), max(lengths), dim), 1e3)
        for row, utterance in zip(batch, utterances, strict=True):
            row[: len(utterance)] = utterance
        together = encoder(batch, torch.tensor(lengths))
        alone = torch.cat([encoder(one[None], torch.tensor([len(one)])) for one in utterances])
    return (together - alone).abs().max().item(), alone.square().mean().sqrt().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--longest", type=int, default=415, help="frames of the longest utterance")
    args = parse(parser, longest=30)
    lengths = sorted({min(length, args.longest) for length in (SHORTEST, 40, 100, 199, args.longest)})
    rows = []
    for kind in kinds("timbre.models"):
        for pooling in POOLINGS if "pooling" in conf_of(kind).model_fields else [None]:
            rows.append([kind, pooling or "", *largest_error(kind, pooling, lengths)])
    show(["encoder", "pooling", "largest difference", "embeddings"], rows)
    print(f"\nlargest: {max(difference for *_, difference, _ in rows):.1e}")


if __name__ == "__main__":
    main()
