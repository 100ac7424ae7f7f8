"""What is minimised: from a batch to its loss, in the precision of the run."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from timbre.models.precision import autocast
from timbre.training import processes
from timbre.training.crops import Batch


class Step(NamedTuple):
    """What a batch gives: the ``loss`` to minimise, scalars that are logged beside it, and ``outputs`` (B, …).

    Where the loss is not finite, the rows of ``outputs`` tell whose fault it is.
    """

    loss: Tensor
    measures: dict[str, Tensor]
    outputs: Tensor


class Criterion(nn.Module):
    """An encoder and a loss, trained together; ``forward(batch, margin_scale) -> Step``."""

    def __init__(self, encoder: nn.Module, loss: nn.Module, precision: str, device: torch.device) -> None:
        super().__init__()
        self.encoder, self.loss = encoder, loss
        self.precision, self.device = precision, device


class EmbeddingCriterion(Criterion):
    """The loss of embeddings and their labels, in fp32."""

    def forward(self, batch: Batch, margin_scale: float) -> Step:
        labels = batch.labels.to(self.device)
        with autocast(self.precision, self.device):
            embeddings = self.encoder(*batch.inputs(self.device)).float()
        rows = (embeddings, labels)
        if self.loss.whole_batch:
            rows = processes.gather(embeddings), processes.gather(labels)
        output = self.loss(*rows, margin_scale)
        accuracies = [
            (logits.argmax(dim=1) == output.targets).float().mean()
            for logits in (output.logits, output.margin_logits)
        ]
        measures = dict(zip(("accuracy", "accuracy_margin"), accuracies, strict=True))
        return Step(output.loss, measures, embeddings)


class ObjectiveCriterion(Criterion):
    """An objective that looks into the encoder itself (:func:`timbre.losses.build_objective`)."""

    def forward(self, batch: Batch, margin_scale: float) -> Step:
        feats, lengths = batch.inputs(self.device)
        with autocast(self.precision, self.device):
            measures = self.loss(self.encoder, feats, lengths, batch.utterances)
        return Step(measures.pop("loss").float(), measures, feats)
