"""ResNet34 over the time-frequency plane: the r-vector (Zeinali et al. 2019, arXiv 1910.12592; He et al. 2016).

    frames (T, F) as a map of one channel ── 3×3 → C, BN, ReLU ── 3 blocks of C ── 4 of 2C, stride 2
                  ── 6 of 4C, stride 2 ── 3 of 8C, stride 2 ── statistics over time of ⌈F/8⌉·8C values ── linear E

    block:  out = ReLU(BN(3×3(ReLU(BN(3×3(x))))) + x)      x through 1×1 and BN where the stride or width changes

The sizes are WeSpeaker's.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.models.layers import frame_mask, masked
from timbre.models.maps import MapConvolution, MapNorm
from timbre.models.pooling import PoolingConf, build_pooling

STAGES = ((3, 1, 1), (4, 2, 2), (6, 4, 2), (3, 8, 2))
"""Blocks, channels as a multiple of the first stage's, and stride of the first block."""


class Conf(Section):
    """ResNet34."""

    kind: Literal["resnet34"] = "resnet34"
    channels: PositiveInt = Field(32, description="channels C of the first stage; the last has 8C")
    embedding_dim: PositiveInt = Field(256, description="values of an embedding")
    pooling: PoolingConf = Field(PoolingConf(), description="frames to one vector")


class Block(nn.Module):
    """Two convolutions and the input added."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.first, self.first_norm = MapConvolution(inputs, outputs, stride=stride), MapNorm(outputs)
        self.second, self.second_norm = MapConvolution(outputs, outputs), MapNorm(outputs)
        self.shortcut = None
        if stride > 1 or inputs != outputs:  # 1×1; oneDNN's convolution of stride 2 crashes when narrow
            self.shortcut, self.shortcut_norm = nn.Linear(inputs, outputs, bias=False), MapNorm(outputs)

    def forward(self, maps: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The block's maps and their mask."""
        if mask is not None:  # output t is centred on input t · stride: real where that is
            mask = mask[:, :: self.stride]
        out = F.relu(self.first_norm(self.first(maps), mask))
        out = self.second_norm(self.second(out), mask)
        if self.shortcut is not None:
            maps = self.shortcut_norm(self.shortcut(maps[:, :: self.stride, :: self.stride]), mask)
        return F.relu(out + maps), mask


class Encoder(nn.Module):
    """ResNet34 as an encoder: ``(B, T, input_dim)`` frames -> ``(B, embedding_dim)`` embeddings.

    An utterance of a single frame has an embedding too: its standard deviations are the floor's.
    """

    min_frames = 1

    def __init__(self, conf: Conf, input_dim: int) -> None:
        super().__init__()
        self.input_dim, self.embedding_dim = input_dim, conf.embedding_dim
        self.first, self.first_norm = MapConvolution(1, conf.channels), MapNorm(conf.channels)
        self.blocks = nn.ModuleList()
        width, bins = conf.channels, input_dim
        for count, multiple, stride in STAGES:
            for index in range(count):
                self.blocks.append(Block(width, multiple * conf.channels, stride if index == 0 else 1))
                width = multiple * conf.channels
            bins = -(-bins // stride)
        self.pooling = build_pooling(conf.pooling, bins * width)
        self.embedding = nn.Linear(self.pooling.output_dim, conf.embedding_dim)

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """``feats (B, T, F)``, ``lengths (B,)`` -> ``(B, D)``; see :func:`timbre.models.layers.frame_mask`."""
        mask = frame_mask(feats, lengths, self.input_dim, self.min_frames)
        maps = F.relu(self.first_norm(self.first(masked(feats, mask)[..., None]), mask))
        for block in self.blocks:
            maps, mask = block(maps, mask)
        return self.embedding(self.pooling(maps.flatten(2), mask))
