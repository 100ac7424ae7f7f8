"""Softmax cross-entropy on a linear layer: ``-log softmax(W x + b)_y``."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.losses import LossOutput


class Conf(Section):
    """Softmax cross-entropy."""

    kind: Literal["softmax"] = "softmax"


class Loss(nn.Module):
    """Softmax cross-entropy; there is no margin, so ``margin_scale`` changes nothing."""

    class_parameters = ("classifier.weight", "classifier.bias")
    whole_batch = False

    def __init__(self, conf: Conf, embedding_dim: int, num_classes: int) -> None:
        super().__init__()
        self.classifier = nn.Linear(embedding_dim, num_classes)

    def forward(self, embeddings: Tensor, labels: Tensor, margin_scale: float = 1.0) -> LossOutput:
        """``embeddings (B, D)``, ``labels (B,)`` -> :class:`timbre.losses.LossOutput`, always in fp32."""
        logits = self.logits(embeddings)
        return LossOutput(F.cross_entropy(logits, labels), logits, logits, labels)

    def logits(self, embeddings: Tensor) -> Tensor:
        """``(B, D)`` -> ``(B, C)``, in fp32."""
        with torch.autocast(embeddings.device.type, enabled=False):
            return self.classifier(embeddings.to(self.classifier.weight.dtype))
