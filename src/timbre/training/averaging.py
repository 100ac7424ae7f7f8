"""One model of several epochs: their weights averaged, and BatchNorm's statistics taken again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from timbre.errors import TimbreError
from timbre.features.tensors import load_tensors
from timbre.training.crops import CropBatches

MOST = 50
"""Batches that BatchNorm's statistics are taken of."""


def epoch_file(directory: Path, epoch: int) -> Path:
    """The weights after an epoch, kept while it is among the best."""
    return directory / f"epoch_{epoch:04d}.pt"


def average_epochs(directory: Path, epochs: list[int]) -> dict[str, dict[str, torch.Tensor]]:
    """The mean of the weights after ``epochs``; counters (integers) are those of the last.

    Raises:
        TimbreError: naming a file of an epoch that is damaged or is not there, and how it is made again.
    """
    saved = [_read(directory, epoch) for epoch in epochs]
    return {part: {name: _mean([one[part][name] for one in saved]) for name in saved[0][part]} for part in saved[0]}


def _read(directory: Path, epoch: int) -> dict[str, dict[str, torch.Tensor]]:
    file, mend = (
        epoch_file(directory, epoch),
        f"remove {directory}/checkpoint.pt, to train again from the beginning",
    )
    if not file.exists():
        raise TimbreError(f"{file}: no such file, and it is one of the epochs to be averaged; {mend}")
    return load_tensors(file, mend)


def _mean(tensors: list[torch.Tensor]) -> torch.Tensor:
    if not tensors[0].is_floating_point():
        return tensors[-1]
    return torch.stack([tensor.double() for tensor in tensors]).mean(dim=0).to(tensors[0].dtype)


def reestimate_batchnorm(
    encoder: nn.Module,
    batches: CropBatches,
    device: torch.device,
    frozen: Sequence[nn.Module] = (),
    count: int = MOST,
) -> None:
    """BatchNorm statistics of averaged weights: their plain mean over up to ``count`` batches of crops.

    The mean of several models' statistics is not the statistics of their mean. ``frozen`` parts keep theirs.
    """
    encoder.train()
    for part in frozen:
        part.eval()
    norms = (module for module in encoder.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm))
    layers = [norm for norm in norms if norm.training]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a cumulative mean
    with torch.no_grad():
        for place in range(min(count, len(batches))):
            batch = batches[place]
            encoder(*batch.inputs(device))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    encoder.eval()
