"""AAM-softmax, an additive margin on the angle (Deng et al. 2019, arXiv 1801.07698; ArcFace).

    logit_j = s · cos θ_j,    logit_y = s · φ(θ_y)        loss = cross-entropy(logits, y)

    φ(θ) = cos(θ + m)                      for θ ≤ π − m
    φ(θ) = cos θ − (1 + cos(π − m))        beyond, where cos(θ + m) would rise again: continuous at −1, falling on

The cosine is kept ``EPSILON`` away from ±1, where the angle's derivative is infinite. A class may have several
weights, sub-centres, as in :mod:`timbre.losses.am_softmax`.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from timbre.conf import Section
from timbre.losses import am_softmax

EPSILON = 1e-6


class Conf(Section):
    """AAM-softmax."""

    kind: Literal["aam_softmax"] = "aam_softmax"
    scale: float = Field(30.0, gt=0, le=10_000, description="s: cosines times this are the logits")
    margin: float = Field(0.2, ge=0, lt=math.pi / 2, description="m: radians added to the true class's angle")
    sub_centres: int = Field(1, ge=1, le=100, description="K: weights of a class, of which the nearest counts")


class Loss(am_softmax.Loss):
    """AM-softmax's cosines with the margin on the angle."""

    @staticmethod
    def penalise(cosine: Tensor, margin: float) -> Tensor:
        """``φ`` of the module's docstring, from the cosine; value and gradient are finite at ±1."""
        near = torch.cos(torch.acos(cosine.clamp(-1 + EPSILON, 1 - EPSILON)) + margin)
        beyond = cosine - (1 + math.cos(math.pi - margin))
        return torch.where(cosine >= math.cos(math.pi - margin), near, beyond)
