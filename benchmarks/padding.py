"""The largest change that padding makes to an embedding, over all encoders and poolings at their default sizes.

    python benchmarks/padding.py

Utterances alone against the same in a batch padded by up to 400 frames of large numbers, in evaluation mode with
BatchNorm statistics of training; the largest absolute difference, beside the embeddings' own root mean square.
"""

from __future__ import annotations

import torch

from timbre.conf import Section, build, kind_module, kinds
from timbre.models import build_encoder

LENGTHS = [15, 40, 100, 199, 415]
POOLINGS = ["average", "statistics", "self_attentive", "attentive_statistics"]


def conf_of(kind: str) -> type[Section]:
    return kind_module("timbre.models", kind).Conf


def largest_error(kind: str, pooling: str | None) -> tuple[float, float]:
    """``(largest absolute difference, root mean square of the embeddings)``."""
    torch.manual_seed(0)
    chosen = {"pooling": {"kind": pooling}} if pooling else {}
    conf = build(conf_of(kind), {"kind": kind, **chosen})
    encoder = build_encoder(conf, 80)
    with torch.no_grad():
        for module in encoder.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.momentum = None  # the plain mean of all batches
        encoder.train()
        for _ in range(3):  # BatchNorm that shifts: padding is no longer zero unless it is kept so
            encoder(2 * torch.randn(8, 100, 80) + 1, torch.full((8,), 100))
        encoder.eval()
        utterances = [2 * torch.randn(length, 80) + 1 for length in LENGTHS]
        batch = torch.full((len(LENGTHS), max(LENGTHS), 80), 1e3)
        for row, utterance in zip(batch, utterances, strict=True):
            row[: len(utterance)] = utterance
        together = encoder(batch, torch.tensor(LENGTHS))
        alone = torch.cat([encoder(one[None], torch.tensor([len(one)])) for one in utterances])
    return (together - alone).abs().max().item(), alone.square().mean().sqrt().item()


def main() -> None:
    worst = 0.0
    for kind in kinds("timbre.models"):
        for pooling in POOLINGS if "pooling" in conf_of(kind).model_fields else [None]:
            error, size = largest_error(kind, pooling)
            worst = max(worst, error)
            print(f"{kind:12} {pooling or '':22} {error:.1e}   (embeddings: {size:.2f})")
    print(f"largest: {worst:.1e}")


if __name__ == "__main__":
    main()
