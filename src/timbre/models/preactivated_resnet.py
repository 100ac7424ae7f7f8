"""ResNet with norms before its convolutions, and squeeze and excitation in its first half, as SpeechBrain has it.

    frames (T, F) as a map of one channel ── 3×3 → C₁, BN, ReLU ── 3 blocks of C₁ ── 4 of C₂, stride 2
                  ── 6 of C₃, stride 2 ── 3 of C₄, stride 2 ── attentive statistics over time of ⌈F/8⌉·C₄ values
                  ── BN ── linear E ── BN

    block:  out = s · 1×1(ReLU(BN(3×3(ReLU(BN(3×3(ReLU(BN(x))))))))) + x
            x through 1×1 and BN where stride or width changes
            s = σ(linear(ReLU(linear(mean over time and frequency)))) in the first two stages, 1 in the others

The attention is BN(ReLU(linear)) and a linear layer, without a tanh between. Source: Rouvier and Bousquet 2021,
"Studying squeeze-and-excitation used in CNN for speaker verification", and SpeechBrain's sizes.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.models.layers import BatchNorm, frame_mask, frame_weights, masked
from timbre.models.maps import MapConvolution, MapNorm
from timbre.models.pooling import AttentiveStatistics, weighted_mean

STRIDES = (1, 2, 2, 2)
EXCITED = 2
"""Stages, from the first on, with squeeze and excitation."""
BOTTLENECK, FLOOR = 128, 1e-5
"""Hidden units of the attention, and the least variance."""

Four = tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt]


class Conf(Section):
    """ResNet with norms first."""

    kind: Literal["preactivated_resnet"] = "preactivated_resnet"
    channels: Four = Field((128, 128, 256, 256), description="channels of each stage")
    blocks: Four = Field((3, 4, 6, 3), description="blocks of each stage")
    embedding_dim: PositiveInt = Field(256, description="values of an embedding")


class Block(nn.Module):
    """Three convolutions and the input added."""

    def __init__(self, inputs: int, outputs: int, stride: int, excited: bool) -> None:
        super().__init__()
        self.stride = stride
        self.first_norm, self.first = MapNorm(inputs), MapConvolution(inputs, outputs, stride=stride)
        self.second_norm, self.second = MapNorm(outputs), MapConvolution(outputs, outputs)
        self.third_norm, self.third = MapNorm(outputs), nn.Linear(outputs, outputs, bias=False)
        self.squeeze = nn.Linear(outputs, outputs) if excited else None
        self.excite = nn.Linear(outputs, outputs) if excited else None
        self.shortcut = None
        if stride > 1 or inputs != outputs:  # 1×1; oneDNN's convolution of stride 2 crashes when narrow
            self.shortcut, self.shortcut_norm = nn.Linear(inputs, outputs, bias=False), MapNorm(outputs)

    def forward(self, maps: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The block's maps and their mask."""
        out = self.first(F.relu(self.first_norm(maps, mask)))
        if mask is not None:  # output t is centred on input t · stride: real where that is
            mask = mask[:, :: self.stride]
        out = self.second(F.relu(self.second_norm(out, mask)))
        out = self.third(F.relu(self.third_norm(out, mask)))
        if self.squeeze is not None:
            frames = out.mean(dim=2)
            mean = weighted_mean(frames, frame_weights(frames, mask))
            out = out * torch.sigmoid(self.excite(F.relu(self.squeeze(mean))))[:, None, None].to(out.dtype)
        if self.shortcut is not None:
            maps = self.shortcut_norm(self.shortcut(maps[:, :: self.stride, :: self.stride]), mask)
        return out + maps, mask


class Encoder(nn.Module):
    """``(B, T, input_dim)`` frames -> ``(B, embedding_dim)`` embeddings.

    An utterance of a single frame has an embedding too: its standard deviations are the floor's.
    """

    min_frames = 1

    def __init__(self, conf: Conf, input_dim: int) -> None:
        super().__init__()
        self.input_dim, self.embedding_dim = input_dim, conf.embedding_dim
        width, bins = conf.channels[0], input_dim
        self.first, self.first_norm = MapConvolution(1, width), MapNorm(width)
        self.blocks = nn.ModuleList()
        for stage, (channels, count) in enumerate(zip(conf.channels, conf.blocks, strict=True)):
            for index in range(count):
                stride = 1 if index else STRIDES[stage]
                self.blocks.append(Block(width, channels, stride, stage < EXCITED))
                width, bins = channels, -(-bins // stride)
        self.pooling = AttentiveStatistics(
            bins * width, BOTTLENECK, global_context=False, affine=True, tanh=False, floor=FLOOR
        )
        self.pooling_norm = BatchNorm(self.pooling.output_dim)
        self.embedding = nn.Linear(self.pooling.output_dim, conf.embedding_dim)
        self.embedding_norm = BatchNorm(conf.embedding_dim)

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """``feats (B, T, F)``, ``lengths (B,)`` -> ``(B, D)``; see :func:`timbre.models.layers.frame_mask`."""
        mask = frame_mask(feats, lengths, self.input_dim, self.min_frames)
        maps = F.relu(self.first_norm(self.first(masked(feats, mask)[..., None]), mask))
        for block in self.blocks:
            maps, mask = block(maps, mask)
        return self.embedding_norm(self.embedding(self.pooling_norm(self.pooling(maps.flatten(2), mask))))
