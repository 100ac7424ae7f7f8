"""A linear layer whose inputs are kept or left out by learned gates (Louizos et al. 2018, arXiv 1712.01312).

A gate is a hard concrete variable, a stretched and clipped sigmoid that is exactly 0 or 1 with some probability:

    training     s = σ((log u − log(1 − u) + log α) / β),  u ~ U(0, 1)
                 z = min(1, max(0, s (ζ − γ) + γ))
    evaluation   z = min(1, max(0, σ(log α) (ζ − γ) + γ))
    penalty      Σ P(z ≠ 0) = Σ σ(log α − β log(−γ / ζ))

with β = 2/3, γ = −0.1, ζ = 1.1. ``log α`` is learned for each input and language.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

BETA, GAMMA, ZETA = 2 / 3, -0.1, 1.1
KEPT = 0.9  # probability that a gate is not 0, before training
EDGE = 1e-6  # u stays so far from 0 and 1


class HardConcrete(nn.Module):
    """Gates (size,) of one layer."""

    def __init__(self, size: int) -> None:
        super().__init__()
        start = math.log(KEPT / (1 - KEPT)) + BETA * math.log(-GAMMA / ZETA)
        self.log_alpha = nn.Parameter(torch.full((size,), start) + 0.01 * torch.randn(size))

    def forward(self) -> Tensor:
        """The gates z (size,): drawn in training, else their form without noise."""
        if not self.training:
            return stretched(self.log_alpha)
        u = torch.rand_like(self.log_alpha).clamp(EDGE, 1 - EDGE)
        return stretched((u.log() - (-u).log1p() + self.log_alpha) / BETA)

    def open_shares(self) -> Tensor:
        """Of each gate the probability that it is not 0 in training, (size,): what the penalty is the sum of."""
        return torch.sigmoid(self.log_alpha - BETA * math.log(-GAMMA / ZETA))


def stretched(logits: Tensor) -> Tensor:
    """The gates z of logits: a sigmoid, stretched beyond 0 and 1 and clipped to them."""
    return (torch.sigmoid(logits) * (ZETA - GAMMA) + GAMMA).clamp(0, 1)


def closed_share(log_alpha: Tensor) -> float:
    """The share of gates that are 0 in evaluation."""
    return float((stretched(log_alpha.detach()) == 0).float().mean())


class GatedLinear(nn.Module):
    """W (z ⊙ x) + b; the weights are those of all languages, the gates z each language's own."""

    def __init__(self, size: int, languages: list[str]) -> None:
        super().__init__()
        self.linear = nn.Linear(size, size)
        self.gates = nn.ModuleDict({language: HardConcrete(size) for language in languages})

    def forward(self, values: Tensor, language: str) -> Tensor:
        """``(B, size)`` -> ``(B, size)``."""
        return self.linear(values * self.gates[language]())
