"""Weights and frames by a formula, with which a net of another toolkit gave the numbers that a test holds."""

from __future__ import annotations

import math

import torch
from torch import nn


@torch.no_grad()
def fill(network: nn.Module) -> nn.Module:
    """The network with sines for weights and BatchNorm statistics, in evaluation mode and float64."""
    for number, (name, values) in enumerate(sorted(network.double().state_dict().items())):
        if not values.is_floating_point():
            continue
        wave = torch.sin(torch.arange(values.numel(), dtype=torch.float64) * 0.7 + number).view(values.shape)
        if values.dim() > 1:
            values.copy_(wave * math.sqrt(2 * len(values) / values.numel()))
        elif name.endswith("running_var"):
            values.copy_(1 + 0.5 * wave)
        else:
            values.copy_(1 + 0.3 * wave if name.endswith("weight") else 0.2 * wave)
    return network.eval()


def waves(frames: int, dim: int) -> torch.Tensor:
    """Frames ``(1, frames, dim)`` in float64."""
    return 2 * torch.sin(torch.arange(frames * dim, dtype=torch.float64).view(1, frames, dim) * 0.37)
