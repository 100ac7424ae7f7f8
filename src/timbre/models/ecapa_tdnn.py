"""ECAPA-TDNN: emphasised channel attention, propagation, aggregation (Desplanques et al. 2020, arXiv 2005.07143).

    frames (T, F) ── TDNN k5 → C ── SE-Res2Block d2 ── d3 ── d4 ── concatenation of the three → 1×1 → A, ReLU
                  ── attentive statistics (2A) ── BN ── linear E ── BN

A block's input is the sum of all earlier outputs, the first layer's included, and every block adds its
input to its output.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.models.inference import form_of, is_packable
from timbre.models.layers import TDNN, BatchNorm, Convolution, FrameNorm, frame_mask, frame_weights, masked
from timbre.models.pooling import PoolingConf, build_pooling, weighted_mean

RES2_SCALE = 8
SQUEEZE_CHANNELS = 128
DILATIONS = (2, 3, 4)


class Pooling(PoolingConf):
    """The pooling of ECAPA-TDNN: attentive statistics with global context, unless the conf says otherwise."""

    kind: Literal["average", "statistics", "self_attentive", "attentive_statistics"] = Field(
        "attentive_statistics", description=PoolingConf.model_fields["kind"].description
    )


class Conf(Section):
    """ECAPA-TDNN."""

    kind: Literal["ecapa_tdnn"] = "ecapa_tdnn"
    channels: int = Field(
        512, ge=8, multiple_of=RES2_SCALE, description="channels C of the frame layers (512, 1024)"
    )
    aggregation_channels: int = Field(1536, ge=1, description="channels after the three blocks' concatenation")
    embedding_dim: int = Field(192, ge=1, description="values of an embedding")
    dense_residual: bool = Field(
        True,
        description="a block's input is the sum of all earlier outputs (the paper); false: the last output alone",
    )
    aggregation_norm: bool = Field(
        False,
        description="BatchNorm after the aggregation's ReLU too, and with scale and shift in the attention, as "
        "SpeechBrain has it",
    )
    embedding_norm: bool = Field(True, description="BatchNorm, without scale and shift, after the embedding")
    padding: Literal["zeros", "reflect"] = Field(
        "zeros",
        description="what convolutions see beyond an utterance's ends: zeros, or its frames mirrored there, as "
        "SpeechBrain has it",
    )
    pooling: Pooling = Field(Pooling(), description="frames to one vector")


class Res2(nn.Module):
    """A TDNN layer of 3 frames in ``RES2_SCALE`` groups: y1 = x1, y2 = K2(x2), yi = Ki(xi + y(i−1))."""

    def __init__(self, channels: int, dilation: int, reflect: bool = False) -> None:
        super().__init__()
        width = channels // RES2_SCALE
        self.groups = nn.ModuleList(
            TDNN(width, width, kernel=3, dilation=dilation, reflect=reflect) for _ in range(RES2_SCALE - 1)
        )

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        first, second, *others = frames.chunk(RES2_SCALE, dim=2)
        outputs = [first, self.groups[0](second, mask)]
        for group, layer in zip(others, self.groups[1:], strict=True):
            outputs.append(layer(group + outputs[-1], mask))
        return torch.cat(outputs, dim=2)


@form_of(Res2)
class _PackedRes2(Res2):
    """The groups' outputs are written where they belong."""

    def pack(self) -> None:
        pass

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        if self.training or not is_packable(frames):
            return super().forward(frames, mask)
        out = torch.empty_like(frames)
        groups, outputs = frames.chunk(RES2_SCALE, dim=2), out.chunk(RES2_SCALE, dim=2)
        outputs[0].copy_(groups[0])
        self.groups[0](groups[1], mask, outputs[1])
        for index in range(2, RES2_SCALE):
            self.groups[index - 1](groups[index] + outputs[index - 1], mask, outputs[index])
        return out


class SqueezeExcitation(nn.Module):
    """The scale of each channel, from the utterance's mean: ``(B, T, C)`` -> ``(B, C)`` between 0 and 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, SQUEEZE_CHANNELS)
        self.excite = nn.Linear(SQUEEZE_CHANNELS, channels)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        mean = weighted_mean(frames, frame_weights(frames, mask))
        return torch.sigmoid(self.excite(F.relu(self.squeeze(mean))))


class Block(nn.Module):
    """SE-Res2Block: 1×1, Res2, 1×1, squeeze and excitation, and the input added."""

    def __init__(self, channels: int, dilation: int, reflect: bool = False) -> None:
        super().__init__()
        self.enter = TDNN(channels, channels)
        self.res2 = Res2(channels, dilation, reflect)
        self.leave = TDNN(channels, channels)
        self.excitation = SqueezeExcitation(channels)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        out = self.leave(self.res2(self.enter(frames, mask), mask), mask)
        return torch.addcmul(frames, out, self.excitation(out, mask)[:, None].to(out.dtype))


class Encoder(nn.Module):
    """ECAPA-TDNN as an encoder: ``(B, T, input_dim)`` frames -> ``(B, embedding_dim)`` embeddings.

    An utterance of a single frame has an embedding too: its standard deviations are the floor's. Frames can be
    mirrored where there are more than the widest convolution reaches.
    """

    def __init__(self, conf: Conf, input_dim: int) -> None:
        super().__init__()
        reflect = conf.padding == "reflect"
        self.min_frames = 1 + max(DILATIONS) if reflect else 1
        self.input_dim, self.embedding_dim, self.dense_residual = (
            input_dim,
            conf.embedding_dim,
            conf.dense_residual,
        )
        self.first = TDNN(input_dim, conf.channels, kernel=5, reflect=reflect)
        self.blocks = nn.ModuleList(Block(conf.channels, dilation, reflect) for dilation in DILATIONS)
        aggregated = len(DILATIONS) * conf.channels
        self.aggregation = Convolution(aggregated, conf.aggregation_channels)
        self.aggregation_norm = FrameNorm(conf.aggregation_channels) if conf.aggregation_norm else None
        self.pooling = build_pooling(conf.pooling, conf.aggregation_channels, affine=conf.aggregation_norm)
        self.pooling_norm = BatchNorm(self.pooling.output_dim)
        self.embedding = nn.Linear(self.pooling.output_dim, conf.embedding_dim)
        self.embedding_norm = BatchNorm(conf.embedding_dim, affine=False) if conf.embedding_norm else nn.Identity()

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """``feats (B, T, F)``, ``lengths (B,)`` -> ``(B, D)``; see :func:`timbre.models.layers.frame_mask`."""
        mask = frame_mask(feats, lengths, self.input_dim, self.min_frames)
        frames = self.first(masked(feats, mask), mask)
        outputs = []
        for block in self.blocks:
            out = block(frames, mask)
            frames = frames + out if self.dense_residual else out
            outputs.append(out)
        frames = F.relu(self.aggregation(torch.cat(outputs, dim=2)))
        if self.aggregation_norm is not None:
            frames = self.aggregation_norm(frames, mask)
        return self.embedding_norm(self.embedding(self.pooling_norm(self.pooling(frames, mask))))
