"""ERes2NetV2: residual blocks of two groups, and stages fused by attention (Chen et al. 2024, arXiv 2406.02167).

    frames (T, F) as a map of one channel ── 3×3 → C, BN, ReLU ── 3 blocks of C ── 4 of 2C, stride 2
                  ── 6 of 4C, stride 2: u ── 3 of 8C, stride 2: v ── fusion(v, 3×3 of stride 2 of u)
                  ── mean and deviation over time of ⌈F/8⌉ · 8eC values ── linear E

    block of C:  x1 … xs = ReLU(BN(1×1(x)))                    s groups of w = ⌊C · b / 64⌋ channels
                 y1 = ReLU(BN(3×3(x1)))        yi = ReLU(BN(3×3(y(i−1) + xi)))
                 out = ReLU(BN(1×1([y1 … ys])) + x)            eC channels; x through 1×1 and BN where need be

    fusion:      a = tanh(BN(W2 SiLU(BN(W1 [x; y] + b1)) + b2))          (1 + a) ⊙ x + (1 − a) ⊙ y

In the last two stages groups are fused, too, instead of added. Every ReLU of a block ends at 20.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.models.inference import is_packable
from timbre.models.layers import frame_mask, masked
from timbre.models.maps import MapConvolution, MapLinear, MapNorm, add_rectified
from timbre.models.pooling import Statistics

CEILING = 20.0
FUSED = 2
"""The stage, counted from 0, from which on groups are fused; the stages from there on are fused with each other."""
REDUCTION = 4
"""How many times fewer channels a fusion's attention has."""
FLOOR = 1e-8
"""Added to the pooled variances."""


class Conf(Section):
    """ERes2NetV2."""

    kind: Literal["eres2net_v2"] = "eres2net_v2"
    channels: PositiveInt = Field(64, description="channels C of the first stage; the last has 8C")
    base_width: PositiveInt = Field(26, description="channels of a group where C is 64")
    scale: int = Field(2, ge=2, description="groups of a block")
    expansion: PositiveInt = Field(2, description="a block gives so many times its stage's channels")
    blocks: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = Field(
        (3, 4, 6, 3), description="blocks of each stage"
    )
    embedding_dim: PositiveInt = Field(192, description="values of an embedding")

    @model_validator(mode="after")
    def _groups_have_channels(self) -> Conf:
        if self.channels * self.base_width < 64:
            raise ValueError(f"channels {self.channels} · base_width {self.base_width} should be 64 at least")
        return self


class Fusion(nn.Module):
    """Attention between two maps of the same size, which are zero at padded frames: so is what it gives."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // REDUCTION
        self.squeeze, self.squeeze_norm = MapLinear(2 * channels, hidden, bias=True), MapNorm(hidden)
        self.excite, self.excite_norm = MapLinear(hidden, channels, bias=True), MapNorm(channels)

    def forward(self, maps: Tensor, others: Tensor, mask: Tensor | None) -> Tensor:
        mask = mask if self.training else None  # for BatchNorm's statistics alone
        hidden = self.squeeze.normalised(self.squeeze_norm, torch.cat([maps, others], dim=3), mask, ceiling=0)
        hidden = F.silu(hidden, inplace=is_packable(hidden))
        share = torch.tanh(self.excite.normalised(self.excite_norm, hidden, mask, ceiling=0))
        return torch.addcmul(maps + others, share, maps - others)


class Block(nn.Module):
    """Groups, each of which sees the one before it, between two linear layers, and the input added."""

    def __init__(self, inputs: int, channels: int, stride: int, fused: bool, conf: Conf) -> None:
        super().__init__()
        outputs, self.width, self.stride = conf.expansion * channels, channels * conf.base_width // 64, stride
        grouped = conf.scale * self.width
        self.first, self.first_norm = MapLinear(inputs, grouped), MapNorm(grouped)
        self.groups = nn.ModuleList(MapConvolution(self.width, self.width) for _ in range(conf.scale))
        self.group_norms = nn.ModuleList(MapNorm(self.width) for _ in range(conf.scale))
        self.fusions = nn.ModuleList(Fusion(self.width) for _ in range(conf.scale - 1)) if fused else None
        self.last, self.last_norm = MapLinear(grouped, outputs), MapNorm(outputs)
        self.shortcut = None
        if stride > 1 or inputs != outputs:
            self.shortcut, self.shortcut_norm = MapLinear(inputs, outputs), MapNorm(outputs)

    def forward(self, maps: Tensor, mask: Tensor | None) -> Tensor:
        """``mask`` is that of what comes out, of whose padded frames anything comes."""
        maps = maps[:, :: self.stride, :: self.stride]
        groups = self.first.normalised(self.first_norm, maps, mask, CEILING).split(self.width, dim=3)
        outputs: list[Tensor] = []
        for index, (group, layer, norm) in enumerate(zip(groups, self.groups, self.group_norms, strict=True)):
            if index and self.fusions is not None:
                group = self.fusions[index - 1](outputs[-1], group, mask)
            elif index:
                group = outputs[-1] + group
            outputs.append(layer.normalised(norm, group, mask, CEILING))
        mask = mask if self.training else None  # the next layer looks at no neighbours
        out = self.last.normalised(self.last_norm, torch.cat(outputs, dim=3), mask, ceiling=0)
        if self.shortcut is not None:
            maps = self.shortcut.normalised(self.shortcut_norm, maps, mask, ceiling=0)
        return add_rectified(out, maps, CEILING)


class Encoder(nn.Module):
    """ERes2NetV2 as an encoder: ``(B, T, input_dim)`` frames -> ``(B, embedding_dim)`` embeddings.

    An utterance of a single frame has an embedding too: its standard deviations are the floor's.
    """

    min_frames = 1

    def __init__(self, conf: Conf, input_dim: int) -> None:
        super().__init__()
        self.input_dim, self.embedding_dim = input_dim, conf.embedding_dim
        self.first, self.first_norm = MapConvolution(1, conf.channels), MapNorm(conf.channels)
        self.stages, width, bins = nn.ModuleList(), conf.channels, input_dim
        for stage, count in enumerate(conf.blocks):
            channels, blocks = conf.channels << stage, nn.ModuleList()
            for index in range(count):
                stride = 2 if stage and not index else 1
                blocks.append(Block(width, channels, stride, stage >= FUSED, conf))
                width, bins = conf.expansion * channels, -(-bins // stride)
            self.stages.append(blocks)
        self.downsampling = MapConvolution(width // 2, width, stride=2)
        self.fusion = Fusion(width)
        self.pooling = Statistics(bins * width, unbiased=True, floor=FLOOR, add_floor=True)
        self.embedding = nn.Linear(self.pooling.output_dim, conf.embedding_dim)

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """``feats (B, T, F)``, ``lengths (B,)`` -> ``(B, D)``; see :func:`timbre.models.layers.frame_mask`."""
        mask = frame_mask(feats, lengths, self.input_dim, self.min_frames)
        maps = self.first.normalised(self.first_norm, masked(feats, mask)[..., None], mask)
        outputs = []
        for stage, blocks in enumerate(self.stages):
            if stage and mask is not None:  # output t is centred on input 2t: real where that is
                mask = mask[:, ::2]
            for block in blocks:
                maps = block(maps, mask)
            if stage >= FUSED and mask is not None:
                maps = maps.masked_fill(~mask[:, :, None, None], 0.0)
            outputs.append(maps)
        maps = self.fusion(outputs[-1], self.downsampling(outputs[-2]), mask)
        return self.embedding(self.pooling(maps.flatten(2), mask))
