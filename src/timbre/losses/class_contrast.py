"""GE2E over classes: rows of a class are drawn to each other, away from the centroids of the other classes.

The loss of :mod:`timbre.losses.ge2e`, on vectors divided by their lengths, for batches that are as they come:
classes have any number of rows. The only row of a class has no centroid of its own to be near; it is left out of
the mean, and the others are still told from it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.losses import ge2e


class ClassContrast(nn.Module):
    """The contrastive loss of a batch, a scalar; 0 where there is one class, or no class with two rows."""

    def __init__(self) -> None:
        super().__init__()
        self.ge2e = ge2e.Loss(ge2e.Conf(), 0, 0)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """``features (B, D)``, ``labels (B,)`` int64."""
        classes, own, counts = labels.unique(return_inverse=True, return_counts=True)
        with torch.autocast(features.device.type, enabled=False):
            compared = (counts[own] > 1).to(features.dtype)
            if len(classes) < 2 or not compared.any():
                return features.sum() * 0.0
            losses = F.cross_entropy(self.ge2e.similarities(features, own), own, reduction="none")
            return (losses * compared).sum() / compared.sum()
