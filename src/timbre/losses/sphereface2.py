"""SphereFace2: one binary classification for each class (Wen et al. 2022, arXiv 2108.01513; of speakers Han et al.
2023, ICASSP, "Exploring binary classification loss for speaker verification").

    z_y = s · g(p(θ_y)) + b,    z_j = s · g(n(θ_j)) + b        g(c) = 2 · ((c + 1) / 2)^t − 1
    loss = λ · log(1 + exp(−z_y)) + (1 − λ) · Σ_{j ≠ y} log(1 + exp(z_j))

``θ_j`` is the angle between the embedding and the weight of class ``j``, ``y`` the true class, ``b`` one learnt
number. The margin ``m`` lowers the true class and raises all others:

    type C    g(cos θ_y) − m           g(cos θ_j) + m
    type A    p(θ) = cos(θ + m)        n(θ) = cos(θ − m)

Type A is continued where ``θ ± m`` leaves [0, π], so that all logits keep falling as the angle grows, as they do in
between:

    p(θ) = cos θ − (1 − cos m)    for θ > π − m          n(θ) = cos θ + (1 − cos m)    for θ < m

There ``c`` lies beyond ±1; the power is taken of the absolute value and keeps the sign. Each log(1 + exp(x)) is
a softplus, which does not overflow. A class may have several weights, sub-centres, as in
:mod:`timbre.losses.am_softmax`.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.losses import LossOutput, aam_softmax, am_softmax


class Conf(Section):
    """SphereFace2."""

    kind: Literal["sphereface2"] = "sphereface2"
    type: Literal["A", "C"] = Field("C", description="the margin: C on the scaled cosine, A on the angle")
    scale: float = Field(32.0, gt=0, le=10_000, description="s: scaled cosines times this are the logits")
    margin: float = Field(
        0.2, ge=0, lt=math.pi / 2, description="m: of type C 0.2 (large-margin fine-tuning 0.3), of A 0.15 (0.25)"
    )
    balance: float = Field(0.7, gt=0, lt=1, description="λ: weight of the true class; 1 − λ that of the others")
    power: float = Field(3.0, ge=1, le=100, description="t: the higher, the more of the cosines lie near −1")
    sub_centres: int = Field(1, ge=1, le=100, description="K: weights of a class, of which the nearest counts")


class Loss(am_softmax.Loss):
    """Binary logits of the cosines to class weights; the loss is their weighted binary cross-entropy."""

    def __init__(self, conf: Conf, embedding_dim: int, num_classes: int) -> None:
        super().__init__(conf, embedding_dim, num_classes)
        self.type, self.balance, self.power = conf.type, conf.balance, conf.power
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, embeddings: Tensor, labels: Tensor, margin_scale: float = 1.0) -> LossOutput:
        """As :meth:`timbre.losses.am_softmax.Loss.forward`; the margin logits have it for all classes."""
        with torch.autocast(embeddings.device.type, enabled=False):
            cosine, margin = self._cosine(embeddings), self.margin * margin_scale
            true = F.one_hot(labels, cosine.shape[1]).bool()
            margin_logits = self._scaled(torch.where(true, *self._penalised(cosine, margin)))
            losses = F.softplus(torch.where(true, -margin_logits, margin_logits))
            weights = torch.where(true, self.balance, 1 - self.balance)
            loss = (weights * losses).sum(dim=1).mean()
            return LossOutput(loss, self._scaled(self._bent(cosine)), margin_logits, labels)

    def logits(self, embeddings: Tensor) -> Tensor:
        with torch.autocast(embeddings.device.type, enabled=False):
            return self._scaled(self._bent(self._cosine(embeddings)))

    def _penalised(self, cosine: Tensor, margin: float) -> tuple[Tensor, Tensor]:
        """Of each cosine ``g`` with the margin: if its class is the true one, and if it is another."""
        if self.type == "C":
            bent = self._bent(cosine)
            return bent - margin, bent + margin
        lowered = aam_softmax.Loss.penalise(cosine, margin)
        raised = -aam_softmax.Loss.penalise(-cosine, margin)  # cos(θ − m) = −cos((π − θ) + m)
        return self._bent(lowered), self._bent(raised)

    def _bent(self, cosine: Tensor) -> Tensor:
        """``g``."""
        half = (cosine + 1) / 2
        return 2 * half.sign() * half.abs().pow(self.power) - 1

    def _scaled(self, bent: Tensor) -> Tensor:
        return self.scale * bent + self.bias
