"""The encoder of BYOL-A (Niizumi et al. 2021, arXiv 2103.06695): what an utterance sounds like, without labels.

    frames (T, F) as a map of one channel ── 3 × [ 3×3 → C, BN, ReLU, maximum of 2×2 ] ── (T // 8, F // 8 · C)
                  ── linear D, ReLU ── dropout ── linear D, ReLU ── maximum + mean over time ── (D,)

A maximum leaves out the last of an odd number of frames or bins: what is left of eight frames is one, and of fewer
than eight none, so that an utterance needs as many. The published sizes are C = 64 and D = 2048 (also 512 and
1024), of 64 log mel energies.

The maximum comes before the ReLU, which is the same and a quarter of the work; convolutions have no bias, which the
BatchNorm after them takes away.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.errors import TimbreError
from timbre.models.dropout import Dropout
from timbre.models.layers import frame_mask, frame_weights, masked, wide
from timbre.models.maps import MapConvolution, MapNorm
from timbre.models.pooling import weighted_mean

BLOCKS = 3
REDUCTION = 2**BLOCKS
"""Frames, and bins, that become one."""


class Conf(Section):
    """BYOL-A's convolutional encoder."""

    kind: Literal["byola"] = "byola"
    channels: PositiveInt = Field(64, description="channels C of each convolution")
    embedding_dim: PositiveInt = Field(2048, description="values D of an embedding, and of the layer before")
    dropout: float = Field(0.3, ge=0, lt=1, description="between the two linear layers")


class Encoder(nn.Module):
    """``(B, T, input_dim)`` frames -> ``(B, embedding_dim)`` embeddings, none of their values negative."""

    min_frames = REDUCTION

    def __init__(self, conf: Conf, input_dim: int) -> None:
        """Raises:
        TimbreError: for frames of fewer values than three maxima reduce to one.
        """
        super().__init__()
        if input_dim < REDUCTION:
            raise TimbreError(f"frames of {input_dim} values; encoder byola takes {REDUCTION} or more (logmel)")
        self.input_dim, self.embedding_dim = input_dim, conf.embedding_dim
        self.convolutions = nn.ModuleList(
            [MapConvolution(conf.channels if place else 1, conf.channels) for place in range(BLOCKS)]
        )
        self.norms = nn.ModuleList([MapNorm(conf.channels) for _ in range(BLOCKS)])
        self.first = nn.Linear(input_dim // REDUCTION * conf.channels, conf.embedding_dim)
        self.dropout = Dropout(conf.dropout)
        self.second = nn.Linear(conf.embedding_dim, conf.embedding_dim)

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """``feats (B, T, F)``, ``lengths (B,)`` -> ``(B, D)`` fp32; see :func:`timbre.models.layers.frame_mask`."""
        mask = frame_mask(feats, lengths, self.input_dim, self.min_frames)
        maps = masked(feats, mask)[..., None]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            maps = F.relu(halved(norm(convolution(maps), mask)))
            if mask is not None:  # of two frames the second must be real too; what is pooled with padding is not
                mask = mask[:, 1::2]
                maps = masked(maps.flatten(2), mask).view(maps.shape)
        frames = F.relu(self.first(maps.flatten(2)))
        frames = masked(F.relu(self.second(self.dropout(frames))), mask)
        return wide(frames.amax(dim=1)) + weighted_mean(frames, frame_weights(frames, mask))


def halved(maps: Tensor) -> Tensor:
    """``(B, T, F, C)`` -> the maxima ``(B, T // 2, F // 2, C)`` of two frames by two bins."""
    return F.max_pool2d(maps.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
