"""AM-softmax, an additive margin on the cosine (Wang et al. 2018, arXiv 1801.05599; CosFace).

    logit_j = s · cos θ_j,    logit_y = s · (cos θ_y − m)        loss = cross-entropy(logits, y)

``θ_j`` is the angle between the embedding and the weight of class ``j``, ``y`` the true class.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.losses import LossOutput


class Conf(Section):
    """AM-softmax."""

    kind: Literal["am_softmax"] = "am_softmax"
    scale: float = Field(30.0, gt=0, description="s: cosines times this are the logits")
    margin: float = Field(0.2, ge=0, description="m: by how much the true class's cosine is lowered")


class Loss(nn.Module):
    """Cosines to class weights, the true class's lowered by a margin; :meth:`penalise` is the margin's form."""

    def __init__(self, conf: Conf, embedding_dim: int, num_classes: int) -> None:
        super().__init__()
        self.scale, self.margin = conf.scale, conf.margin
        self.weight = nn.Parameter(nn.init.xavier_normal_(torch.empty(num_classes, embedding_dim)))

    @staticmethod
    def penalise(cosine: Tensor, margin: float) -> Tensor:
        """The true class's cosine with the margin, element by element."""
        return cosine - margin

    def forward(self, embeddings: Tensor, labels: Tensor, margin_scale: float = 1.0) -> LossOutput:
        """Loss and logits, in fp32 inside autocast too.

        Args:
            embeddings: ``(B, D)``.
            labels: ``(B,)`` int64.
            margin_scale: 0 to 1, times the conf's margin: what a margin schedule moves.
        """
        with torch.autocast(embeddings.device.type, enabled=False):
            embeddings = F.normalize(embeddings.to(self.weight.dtype))
            cosine = F.linear(embeddings, F.normalize(self.weight))
            truth = labels[:, None]
            penalised = self.penalise(cosine.gather(1, truth), self.margin * margin_scale)
            margin_logits = self.scale * cosine.scatter(1, truth, penalised)
            return LossOutput(F.cross_entropy(margin_logits, labels), self.scale * cosine, margin_logits)
