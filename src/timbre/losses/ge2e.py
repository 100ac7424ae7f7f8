"""GE2E, the generalised end-to-end loss in its softmax form (Wan et al. 2018, arXiv 1710.10467).

A batch has P speakers with M utterances each. With the embeddings divided by their lengths, ``e_ji`` the i-th
of speaker j and ``c_k`` the mean of speaker k's

    S_ji,k = w · cos(e_ji, c_k) + b    for k ≠ j
    S_ji,j = w · cos(e_ji, c_j without e_ji) + b                loss = mean over ji of −log softmax_k(S_ji)_j

An utterance is left out of its own centroid, or all being the same vector would be a way out. ``w = softplus(v)``
is positive whatever v, and about v at its size; as in the paper it begins at 10, ``b`` at −5, and the gradients of
both are scaled by 0.01 (Adam, which divides by a gradient's size, takes no notice of it). ``b`` cancels in the
softmax; it is the paper's, and moves with the rounding of a gradient that is zero.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.errors import TimbreError, some
from timbre.losses import LossOutput

INITIAL_SCALE, INITIAL_OFFSET, GRADIENT_SCALE = 10.0, -5.0, 0.01
SHORTEST = 1e-6  # shorter vectors are divided by this, so that a zero one has a finite gradient
MEND = "set train.sampler=p_by_k and train.utterances_per_speaker"


class Conf(Section):
    """GE2E, softmax form."""

    kind: Literal["ge2e"] = "ge2e"


class Loss(nn.Module):
    """Every utterance of a batch against the centroid of every speaker of it; no weights of classes.

    There is no margin, so ``margin_scale`` changes nothing.
    """

    class_parameters = ()
    whole_batch = True

    def __init__(self, conf: Conf, embedding_dim: int, num_classes: int) -> None:
        super().__init__()
        inverse_softplus = INITIAL_SCALE + math.log(-math.expm1(-INITIAL_SCALE))
        self.scale = nn.Parameter(torch.tensor(inverse_softplus))
        self.offset = nn.Parameter(torch.tensor(INITIAL_OFFSET))

    def forward(self, embeddings: Tensor, labels: Tensor, margin_scale: float = 1.0) -> LossOutput:
        """Loss and logits, in fp32 inside autocast too.

        Args:
            embeddings: ``(B, D)``, B = P · M rows in any order.
            labels: ``(B,)`` int64, each of P values M times.

        Returns:
            Logits ``(B, P)``, the batch's speakers in the order of their labels.

        Raises:
            TimbreError: a single speaker, a speaker with one row, speakers with unequal numbers of rows.
        """
        speakers, own, counts = labels.unique(return_inverse=True, return_counts=True)
        _check(speakers, counts)
        with torch.autocast(embeddings.device.type, enabled=False):
            logits = self.similarities(embeddings, own)
            return LossOutput(F.cross_entropy(logits, own), logits, logits, own)

    def similarities(self, embeddings: Tensor, own: Tensor) -> Tensor:
        """``S (B, P)`` of ``embeddings (B, D)`` whose speakers are ``own (B,)``, 0 to P − 1, each with any count.

        A row that is its speaker's only one is compared with nothing: its own similarity is ``b``.
        """
        embeddings = F.normalize(embeddings.to(self.scale.dtype), eps=SHORTEST)
        sums = F.one_hot(own).to(embeddings.dtype).T @ embeddings
        cosine = embeddings @ F.normalize(sums, eps=SHORTEST).T
        others = F.normalize(sums[own] - embeddings, eps=SHORTEST)
        truth = (embeddings * others).sum(dim=1, keepdim=True)
        cosine = cosine.scatter(1, own[:, None], truth)
        return F.softplus(_slowed(self.scale)) * cosine + _slowed(self.offset)


def _slowed(parameter: Tensor) -> Tensor:
    """The same value, with ``GRADIENT_SCALE`` times the gradient."""
    return torch.lerp(parameter.detach(), parameter, GRADIENT_SCALE)


def _check(speakers: Tensor, counts: Tensor) -> None:
    """Refuses a batch that has no centroids to tell apart."""
    fewest, most = (int(count) for count in counts.aminmax())
    if len(speakers) < 2:
        raise TimbreError(f"ge2e: a batch of speaker {int(speakers[0])} alone, where two are needed; {MEND}")
    if fewest == 1:
        lonely = some(str(speaker) for speaker in speakers[counts == 1].tolist())
        raise TimbreError(
            f"ge2e: one utterance only of speaker {lonely} in a batch, where two are needed; {MEND} to 2 or more"
        )
    if fewest != most:
        raise TimbreError(f"ge2e: {fewest} to {most} utterances of a speaker in a batch, not equally many; {MEND}")
