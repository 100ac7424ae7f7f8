"""ResNet over the time-frequency plane: the r-vector (Zeinali et al. 2019, arXiv 1910.12592; He et al. 2016).

    frames (T, F) as a map of one channel ── 3×3 → C, BN, ReLU ── 3 blocks of C ── 4 of 2C, stride 2
                  ── 6 of 4C, stride 2 ── 3 of 8C, stride 2 ── statistics over time of ⌈F/8⌉·8C values ── linear E

    block:       out = ReLU(BN(3×3(ReLU(BN(3×3(x))))) + x)      x through 1×1 and BN where stride or width changes
    bottleneck:  out = ReLU(BN(1×1(ReLU(BN(3×3(ReLU(BN(1×1(x)))))))) + x)      of C, C and 4C channels

The numbers of blocks are those of 34 layers; ``STAGES`` has the others, which from 50 layers on have bottlenecks.
The sizes are WeSpeaker's.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.models.layers import BatchNorm, frame_mask, masked
from timbre.models.maps import MapConvolution, MapLinear, MapNorm, add_rectified
from timbre.models.pooling import PoolingConf, build_pooling

STAGES = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    221: (6, 16, 48, 3),
    293: (10, 20, 64, 3),
}
"""Blocks of each stage, by depth."""
BOTTLENECK, EXPANSION = 50, 4
"""The depth from which on blocks are bottlenecks, and how many times as many channels they give."""


class Conf(Section):
    """ResNet."""

    kind: Literal["resnet"] = "resnet"
    depth: Literal[18, 34, 50, 101, 152, 221, 293] = Field(
        34, description="layers; from 50 on of bottleneck blocks, which have four times the channels"
    )
    channels: PositiveInt = Field(32, description="channels C of the first stage; the last has 8C")
    embedding_dim: PositiveInt = Field(256, description="values of an embedding")
    second_segment_layer: bool = Field(
        False, description="ReLU, BatchNorm and a further linear layer, whose output is the embedding"
    )
    pooling: PoolingConf = Field(PoolingConf(), description="frames to one vector")


class Residual(nn.Module):
    """Layers and the input added, through 1×1 and BatchNorm where its stride or width is another.

    Args:
        stride: over both, or over time and over frequency.
    """

    def __init__(self, inputs: int, outputs: int, stride: int | tuple[int, int]) -> None:
        super().__init__()
        self.stride = stride if isinstance(stride, tuple) else (stride, stride)
        self.shortcut = None
        if max(self.stride) > 1 or inputs != outputs:
            self.shortcut, self.shortcut_norm = MapLinear(inputs, outputs), MapNorm(outputs)

    def forward(self, maps: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The block's maps and their mask."""
        # output t is centred on input t · stride: real where that is
        over_time, over_frequency = self.stride
        after = mask if mask is None else mask[:, ::over_time]
        out = self.layers(maps, mask, after)
        if self.shortcut is not None:
            maps = maps[:, ::over_time, ::over_frequency]
            maps = self.shortcut.normalised(self.shortcut_norm, maps, after, ceiling=0)
        return add_rectified(out, maps), after

    def layers(self, maps: Tensor, mask: Tensor | None, after: Tensor | None) -> Tensor:
        """``after``: the mask of what comes out."""
        raise NotImplementedError


class Block(Residual):
    """Two convolutions."""

    def __init__(self, inputs: int, channels: int, stride: int | tuple[int, int]) -> None:
        super().__init__(inputs, channels, stride)
        self.first, self.first_norm = MapConvolution(inputs, channels, stride=stride), MapNorm(channels)
        self.second, self.second_norm = MapConvolution(channels, channels), MapNorm(channels)

    def layers(self, maps: Tensor, mask: Tensor | None, after: Tensor | None) -> Tensor:
        out = self.first.normalised(self.first_norm, maps, after)
        return self.second.normalised(self.second_norm, out, after, ceiling=0)


class Bottleneck(Residual):
    """A convolution of fewer channels between two linear layers."""

    def __init__(self, inputs: int, channels: int, stride: int) -> None:
        outputs = EXPANSION * channels
        super().__init__(inputs, outputs, stride)
        self.first, self.first_norm = MapLinear(inputs, channels), MapNorm(channels)
        self.second, self.second_norm = MapConvolution(channels, channels, stride=stride), MapNorm(channels)
        self.third, self.third_norm = MapLinear(channels, outputs), MapNorm(outputs)

    def layers(self, maps: Tensor, mask: Tensor | None, after: Tensor | None) -> Tensor:
        out = self.first.normalised(self.first_norm, maps, mask)
        out = self.second.normalised(self.second_norm, out, after)
        return self.third.normalised(self.third_norm, out, after, ceiling=0)


class Encoder(nn.Module):
    """ResNet as an encoder: ``(B, T, input_dim)`` frames -> ``(B, embedding_dim)`` embeddings.

    An utterance of a single frame has an embedding too: its standard deviations are the floor's.
    """

    min_frames = 1

    def __init__(self, conf: Conf, input_dim: int) -> None:
        super().__init__()
        self.input_dim, self.embedding_dim = input_dim, conf.embedding_dim
        self.first, self.first_norm = MapConvolution(1, conf.channels), MapNorm(conf.channels)
        self.blocks = nn.ModuleList()
        kind, expansion = (Block, 1) if conf.depth < BOTTLENECK else (Bottleneck, EXPANSION)
        width, bins = conf.channels, input_dim
        for stage, count in enumerate(STAGES[conf.depth]):
            channels = conf.channels << stage
            for index in range(count):
                stride = 2 if stage and not index else 1
                self.blocks.append(kind(width, channels, stride))
                width, bins = expansion * channels, -(-bins // stride)
        self.pooling = build_pooling(conf.pooling, bins * width)
        self.embedding = nn.Linear(self.pooling.output_dim, conf.embedding_dim)
        self.segment = None
        if conf.second_segment_layer:
            self.segment_norm = BatchNorm(conf.embedding_dim, affine=False)
            self.segment = nn.Linear(conf.embedding_dim, conf.embedding_dim)

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """``feats (B, T, F)``, ``lengths (B,)`` -> ``(B, D)``; see :func:`timbre.models.layers.frame_mask`."""
        mask = frame_mask(feats, lengths, self.input_dim, self.min_frames)
        maps = self.first.normalised(self.first_norm, masked(feats, mask)[..., None], mask)
        for block in self.blocks:
            maps, mask = block(maps, mask)
        embedding = self.embedding(self.pooling(maps.flatten(2), mask))
        return embedding if self.segment is None else self.segment(self.segment_norm(F.relu(embedding)))
