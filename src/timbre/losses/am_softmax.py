"""AM-softmax, an additive margin on the cosine (Wang et al. 2018, arXiv 1801.05599; CosFace).

    logit_j = s · cos θ_j,    logit_y = s · (cos θ_y − m)        loss = cross-entropy(logits, y)

``θ_j`` is the angle between the embedding and the weight of class ``j``, ``y`` the true class. A class may have K
sub-centres (Deng et al. 2020, ECCV): then ``cos θ_j`` is the largest of its K cosines, so that wrongly labelled
and unusual utterances gather around a centre of their own and pull the others less.
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
    scale: float = Field(30.0, gt=0, le=10_000, description="s: cosines times this are the logits")
    margin: float = Field(0.2, ge=0, lt=2, description="m: by how much the true class's cosine is lowered")
    sub_centres: int = Field(1, ge=1, le=100, description="K: weights of a class, of which the nearest counts")


class Loss(nn.Module):
    """Cosines to class weights, the true class's lowered by a margin; :meth:`penalise` is the margin's form.

    ``weight (C · K, D)`` has the K sub-centres of a class one after the other.
    """

    class_parameters = ("weight",)
    whole_batch = False

    def __init__(self, conf: Conf, embedding_dim: int, num_classes: int) -> None:
        super().__init__()
        self.scale, self.margin, self.sub_centres = conf.scale, conf.margin, conf.sub_centres
        rows = num_classes * conf.sub_centres
        self.weight = nn.Parameter(nn.init.xavier_normal_(torch.empty(rows, embedding_dim)))

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
            cosine, truth = self._cosine(embeddings), labels[:, None]
            penalised = self.penalise(cosine.gather(1, truth), self.margin * margin_scale)
            margin_logits = self.scale * cosine.scatter(1, truth, penalised)
            return LossOutput(F.cross_entropy(margin_logits, labels), self.scale * cosine, margin_logits, labels)

    def logits(self, embeddings: Tensor) -> Tensor:
        """``(B, D)`` -> ``(B, C)`` without a margin, in fp32."""
        with torch.autocast(embeddings.device.type, enabled=False):
            return self.scale * self._cosine(embeddings)

    def _cosine(self, embeddings: Tensor) -> Tensor:
        embeddings = F.normalize(embeddings.to(self.weight.dtype))
        cosine = F.linear(embeddings, F.normalize(self.weight))
        return cosine.unflatten(1, (-1, self.sub_centres)).amax(dim=2) if self.sub_centres > 1 else cosine
