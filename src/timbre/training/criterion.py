"""What one training step computes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from timbre.losses import LossOutput
from timbre.models.precision import autocast
from timbre.training import processes


class Criterion(nn.Module):
    """From a batch to its loss: the encoder in its precision, the loss in fp32."""

    def __init__(self, encoder: nn.Module, loss: nn.Module, precision: str, device: torch.device) -> None:
        super().__init__()
        self.encoder, self.loss = encoder, loss
        self._precision, self._device = precision, device

    def forward(self, feats: Tensor, lengths: Tensor, labels: Tensor, margin: float) -> tuple[LossOutput, Tensor]:
        """``feats (B, T, F)``, ``lengths`` and ``labels (B,)`` -> the loss's output, and the embeddings (B, D)."""
        with autocast(self._precision, self._device):
            embeddings = self.encoder(feats, lengths).float()
        if self.loss.whole_batch:
            return self.loss(processes.gather(embeddings), processes.gather(labels), margin), embeddings
        return self.loss(embeddings, labels, margin), embeddings
