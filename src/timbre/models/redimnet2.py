"""ReDimNet2: maps and frames in turn, the frames at fewer and fewer a second (Yakovlev and Okhotnikov 2026).

    frames (T, F) ── 3×3 → C, LN ── GroupNorm ── stages ── weighted sum of all outputs ── attentive statistics with
                  global context ── BN ── linear E                                       (arXiv 2603.11841)

    stage:  weighted sum of all earlier outputs, as a map ── tiles of f bins and t frames → one ── residual blocks
            ── 1×1 to as many values as before, BN (where the blocks are wider) ── as frames: convolutions over time
            and attention in few channels ── GroupNorm

A map of F / f bins and f · C channels has as many values a frame as the first one, so that all outputs can be
summed; one of fewer frames is repeated (nearest upsampling). The frames are cut to a multiple of those that become
one in the end (4), as the authors do: the last three at most are not looked at.

Sizes b0 to b3 are those that the authors train and publish (their training settings; definitions in other toolkits
differ).
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt
from torch import Tensor, nn

from timbre.conf import Section
from timbre.errors import TimbreError
from timbre.models.layers import BatchNorm, frame_mask, masked
from timbre.models.pooling import AttentiveStatistics
from timbre.models.redimnet2_frames import HEADS, Aggregation, Context, GroupNorm
from timbre.models.redimnet2_maps import Reduction, Residual, Squeeze, Stem, as_maps, map_masked

BOTTLENECK = 128


class StageConf(Section):
    """A stage."""

    bins: PositiveInt = Field(1, description="bins that become one, with as many times the channels")
    frames: PositiveInt = Field(1, description="frames that become one, in this and the later stages")
    blocks: PositiveInt = Field(description="residual blocks")
    expansion: PositiveInt = Field(1, description="channels of the blocks as a multiple of the stage's")
    reduction: PositiveInt = Field(description="values of a frame for each channel of the convolutions over time")


def _stages(*rows: tuple[int, int, int, int, int]) -> tuple[StageConf, ...]:
    keys = StageConf.model_fields
    return tuple(StageConf(**dict(zip(keys, row, strict=True))) for row in rows)


def _narrow(high: int, low: int) -> tuple[StageConf, ...]:
    first = ((1, 1, 2, 2, high), (2, 1, 3, 1, high), (1, 2, 4, 1, high), (2, 1, 5, 1, high))
    return _stages(*first, (1, 2, 4, 1, low), (2, 1, 3, 1, low))


_B2 = ((1, 1, 2, 2, 40), (2, 1, 3, 1, 30), (1, 2, 4, 1, 30), (3, 1, 5, 1, 20), (1, 2, 4, 1, 20), (2, 1, 3, 1, 10))
_B3 = ((1, 1, 2, 4, 24), (2, 1, 3, 3, 24), (1, 2, 4, 2, 24), (2, 1, 5, 1, 24), (1, 2, 4, 1, 24), (2, 1, 3, 1, 24))
SIZES = {
    "b0": (12, _narrow(36, 18), 64),
    "b1": (16, _narrow(32, 16), 0),
    "b2": (20, _stages(*_B2), 0),
    "b3": (24, _stages(*_B3), 0),
}
"""Channels of the first map, stages, and channels that the last map is reduced to, 0: it is not."""


class Conf(Section):
    """ReDimNet2."""

    kind: Literal["redimnet2"] = "redimnet2"
    size: Literal["b0", "b1", "b2", "b3"] = Field("b2", description="one of the published sizes")
    channels: NonNegativeInt = Field(0, description="channels C of the first map; 0: the size's")
    stages: tuple[StageConf, ...] = Field((), max_length=20, description="other stages than the size's")
    head: NonNegativeInt | None = Field(
        None, description="channels that the last map is reduced to, 0: it is not; null: the size's"
    )
    embedding_dim: PositiveInt = Field(192, description="values of an embedding")


class Stage(nn.Module):
    """A stage: all earlier outputs -> one more.

    Args:
        outputs: how many earlier outputs there are; the first stage has one, and nothing to weight.
        shape: bins and channels of the map that their sum is.
        stride: frames of the first map that become one.
        groups: of the GroupNorm.
    """

    def __init__(self, conf: StageConf, outputs: int, shape: tuple[int, int], stride: int, groups: int) -> None:
        super().__init__()
        channels, values = shape[1], shape[0] * shape[1]
        self.shape, self.stride = shape, stride
        self.aggregation = Aggregation(outputs, values) if outputs > 1 else None
        width = conf.bins * channels * conf.expansion
        self.reduction = Reduction(channels, conf.bins * conf.expansion, (stride, conf.bins))
        self.blocks = nn.ModuleList(Residual(width) for _ in range(conf.blocks))
        self.squeeze = Squeeze(width, conf.bins * channels) if conf.expansion > 1 else None
        hidden = values // conf.reduction
        if hidden == 0 or hidden % HEADS:
            raise TimbreError(
                f"encoder.stages: reduction {conf.reduction} makes {hidden} channels of a frame's {values} values, "
                f"which {HEADS} heads cannot share out among them"
            )
        self.context = Context(values, hidden)
        self.norm = GroupNorm(groups, values)

    def forward(self, outputs: list[Tensor], strides: list[int], mask: Tensor | None) -> Tensor:
        """``outputs``, each ``(B, T / its stride, V)``, ``mask (B, T / stride)`` -> ``(B, T / stride, V)``."""
        frames = outputs[0] if self.aggregation is None else self.aggregation(outputs, strides)
        maps = map_masked(self.reduction(as_maps(frames, self.shape)), mask)
        for block in self.blocks:
            maps = block(maps, mask)
        if self.squeeze is not None:
            maps = self.squeeze(maps, mask)
        return self.norm(self.context(maps.flatten(2), mask), mask)


class Encoder(nn.Module):
    """ReDimNet2 as an encoder: ``(B, T, input_dim)`` frames -> ``(B, embedding_dim)`` embeddings.

    Raises:
        TimbreError: if bins cannot be taken together as the stages want, or heads cannot share their channels.
    """

    def __init__(self, conf: Conf, input_dim: int) -> None:
        super().__init__()
        channels, stages, head = SIZES[conf.size]
        channels, stages = conf.channels or channels, conf.stages or stages
        head = head if conf.head is None else conf.head
        self.input_dim, self.embedding_dim = input_dim, conf.embedding_dim
        self.stem, self.stem_norm = Stem(channels), GroupNorm(channels, channels * input_dim)
        together = math.prod(stage.bins for stage in stages)
        if input_dim % together:
            raise TimbreError(
                f"frames of {input_dim} values do not suit encoder.kind=redimnet2, whose stages make one bin of "
                f"{together}: take features of a multiple of {together} values, the authors' 72 for example"
            )
        self.stages, bins, width, stride = nn.ModuleList(), input_dim, channels, 1
        for number, stage in enumerate(stages, start=1):
            stride *= stage.frames
            self.stages.append(Stage(stage, number, (bins, width), stride, channels))
            bins, width = bins // stage.bins, width * stage.bins
        self.min_frames = stride
        self.aggregation = Aggregation(len(stages) + 1, bins * width)
        self.shape = (bins, width)
        self.head = nn.Linear(width, head) if head else None
        values = bins * (head or width)
        self.pooling = AttentiveStatistics(values, BOTTLENECK, norm=False, unbiased=True, add_floor=True)
        self.pooling_norm = BatchNorm(self.pooling.output_dim)
        self.embedding = nn.Linear(self.pooling.output_dim, conf.embedding_dim)

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """``feats (B, T, F)``, ``lengths (B,)`` -> ``(B, D)``; see :func:`timbre.models.layers.frame_mask`."""
        mask = frame_mask(feats, lengths, self.input_dim, self.min_frames)
        least = self.min_frames
        if mask is not None:  # frames are real in groups of as many as become one, those whose last one is
            mask = mask[:, least - 1 :: least]
        masks = {stride: _stretched(mask, least // stride) for stride in {1, *(s.stride for s in self.stages)}}
        frames = masked(feats[:, : feats.shape[1] // least * least], masks[1])
        outputs, strides = [self.stem_norm(self.stem(frames).flatten(2), masks[1])], [1]
        for stage in self.stages:
            outputs.append(stage(outputs, strides, masks[stage.stride]))
            strides.append(stage.stride)
        maps = as_maps(self.aggregation(outputs, strides), self.shape)
        if self.head is not None:
            maps = self.head(maps)
        pooled = self.pooling(maps.flatten(2), masks[1])
        return self.embedding(self.pooling_norm(pooled))


def _stretched(mask: Tensor | None, times: int) -> Tensor | None:
    """``mask (B, T)`` with each frame ``times`` times: ``(B, T · times)``."""
    return mask if mask is None or times == 1 else mask.repeat_interleave(times, dim=1)
