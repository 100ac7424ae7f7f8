"""CAM++: densely connected TDNN with context-aware masking (Wang et al. 2023, arXiv 2303.00332).

    frames (T, F) as a map of one channel ── 3×3 → H, BN, ReLU ── 2 + 2 residual blocks ── 3×3, BN, ReLU
                  ── TDNN k5, stride 2 → C, BN, ReLU ── for each of three blocks: 12, 24, 16 dense layers ── transit
                  ── BN, ReLU ── mean and deviation over time ── linear E ── BN

The map's head takes an eighth of the frequencies, and every frame. A dense layer adds G channels to all channels x
that stand before it:

    h = ReLU(BN(W ReLU(BN(x))))                                W: 1×1 → B
    y = (K h) ⊙ σ(W2 ReLU(W1 (m + s) + b1) + b2)               K: kernel 3 → G, W1: B → B/2
    x = [x; y]

with m the mean of h over the utterance and s that over a segment of 100 frames; the last segment may be shorter,
and is averaged over the frames that it has. A transit is a 1×1 convolution of ReLU(BN(x)) to half the channels.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.models.dense import NormLinear, SharedNorm
from timbre.models.inference import form_of, is_packable, scale_and_shift
from timbre.models.layers import BatchNorm, Convolution, FrameNorm, frame_mask, masked, wide, wide_dtype
from timbre.models.maps import MapConvolution, MapNorm
from timbre.models.pooling import PoolingConf, build_pooling
from timbre.models.resnet import Block as ResidualBlock

HEAD_STRIDES = (2, 1, 2, 1)
"""Strides over frequency of the head's residual blocks; its last convolution has another 2."""
DILATIONS = (1, 2, 2)
SEGMENT = 100
"""Frames, after the TDNN's stride of 2, of a segment: 2 s."""


_FIELDS = PoolingConf.model_fields
_DEVIATION = _FIELDS["unbiased"].json_schema_extra


class Pooling(PoolingConf):
    """The pooling of CAM++: statistics, the deviation that of a sample, a constant channel's next to nothing.

    WeSpeaker's has ``floor: 1e-7`` and ``add_floor: true``.
    """

    unbiased: bool = Field(True, description=_FIELDS["unbiased"].description, json_schema_extra=_DEVIATION)
    floor: float = Field(1e-12, gt=0, le=1, description=_FIELDS["floor"].description, json_schema_extra=_DEVIATION)


class Conf(Section):
    """CAM++."""

    kind: Literal["campplus"] = "campplus"
    head_channels: PositiveInt = Field(32, description="channels H of the head's maps")
    channels: PositiveInt = Field(128, description="channels C that the first dense block starts from")
    growth: PositiveInt = Field(32, description="channels G that a dense layer adds")
    bottleneck: int = Field(128, ge=2, description="channels B within a dense layer")
    layers: tuple[PositiveInt, PositiveInt, PositiveInt] = Field(
        (12, 24, 16), description="dense layers of each of the three blocks"
    )
    embedding_dim: PositiveInt = Field(512, description="values of an embedding (512; 192 are common too)")
    pooling: Pooling = Field(Pooling(), description="frames to one vector")


class Head(nn.Module):
    """The residual blocks over the map: ``(B, T, F)`` -> ``(B, T, ⌈F / 8⌉ · H)``, bins outside, channels inside."""

    def __init__(self, bins: int, channels: int) -> None:
        super().__init__()
        self.first, self.first_norm = MapConvolution(1, channels), MapNorm(channels)
        self.blocks = nn.ModuleList(ResidualBlock(channels, channels, (1, stride)) for stride in HEAD_STRIDES)
        self.last, self.last_norm = MapConvolution(channels, channels, stride=(1, 2)), MapNorm(channels)
        self.output_dim = -(-bins // 8) * channels

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        maps = self.first.normalised(self.first_norm, frames[..., None], mask)
        for block in self.blocks:
            maps, _ = block(maps, mask)
        return self.last.normalised(self.last_norm, maps, mask).flatten(2)


class Segments:
    """Which frame belongs to which segment: the same in all layers of a batch.

    Attributes:
        weights: ``(B, S, T)``, wide: row s gives the mean of all real frames plus that of
            the real ones of segment s; a segment without any has the former alone.
        members: ``(T, S)``, 1 where a frame is of a segment; ``None`` of a single segment.
    """

    def __init__(self, frames: Tensor, mask: Tensor | None) -> None:
        dtype, count = wide_dtype(frames), frames.shape[1]
        of_frame = torch.arange(count, device=frames.device) // SEGMENT
        segments = torch.arange((count + SEGMENT - 1) // SEGMENT, device=frames.device)
        members = of_frame == segments[:, None]
        self.members = None if count <= SEGMENT and not torch.jit.is_tracing() else members.T.to(dtype)
        if mask is None:
            weights = members / members.sum(dim=1, keepdim=True, dtype=dtype) + 1 / count
            self.weights = weights.expand(len(frames), -1, -1)
        else:
            members, mask = members & mask[:, None], mask[:, None]
            local = members / members.sum(dim=2, keepdim=True, dtype=dtype).clamp(min=1)
            self.weights = local + mask / mask.sum(dim=2, keepdim=True, dtype=dtype)

    def means(self, frames: Tensor) -> Tensor:
        """``(B, T, C)`` -> ``(B, S, C)`` wide: of each segment its mean plus that of the utterance."""
        if not torch.is_autocast_enabled(frames.device.type):  # the context alone takes as long as the product
            return torch.bmm(self.weights, wide(frames))
        with torch.autocast(frames.device.type, enabled=False):
            return torch.bmm(self.weights, wide(frames))

    def spread(self, values: Tensor) -> Tensor:
        """``(B, S, C)`` -> ``(B, T, C)``, or what stands for it: every frame has what its segment has."""
        if self.members is None:
            return values
        return self.members.to(values.dtype) @ values


class Local(Convolution):
    """A convolution of so few channels that it stays as it is for inference: no product is faster."""


class DenseLayer(nn.Module):
    """What a dense layer adds to channels: ``(B, T, inputs)`` -> ``(B, T, G)``."""

    def __init__(self, inputs: int, bottleneck: int, growth: int, dilation: int) -> None:
        super().__init__()
        self.enter, self.norm = NormLinear(inputs, bottleneck), FrameNorm(bottleneck)
        self.local = Local(bottleneck, growth, kernel=3, dilation=dilation, bias=False)
        self.local.to(memory_format=torch.channels_last)
        self.squeeze = nn.Linear(bottleneck, bottleneck // 2)
        self.excite = nn.Linear(bottleneck // 2, growth)

    def forward(self, hidden: Tensor, mask: Tensor | None, segments: Segments) -> Tensor:
        """From what ``enter`` gave: ``(B, T, bottleneck)``."""
        return self.emphasise(F.relu(self.norm(hidden, mask)), segments)

    def emphasise(self, hidden: Tensor, segments: Segments, out: Tensor | None = None) -> Tensor:
        """``out``: where to write the result, where no gradient is wanted."""
        squeeze, excite = self.squeeze, self.excite
        context = F.relu(F.linear(segments.means(hidden), squeeze.weight, squeeze.bias))
        scale = segments.spread(torch.sigmoid(F.linear(context, excite.weight, excite.bias)))
        local = self.local(hidden)
        return torch.mul(local, scale.to(local.dtype), out=out)


class DenseBlock(nn.Module):
    """Dense layers and the transit after them: ``(B, T, inputs)`` -> ``(B, T, outputs)``."""

    def __init__(self, inputs: int, outputs: int, layers: int, dilation: int, **sizes: Any) -> None:
        super().__init__()
        widths = [inputs + index * sizes["growth"] for index in range(layers + 1)]
        self.layers = nn.ModuleList(DenseLayer(width, dilation=dilation, **sizes) for width in widths[:-1])
        self.transit = NormLinear(widths[-1], outputs)

    def forward(self, frames: Tensor, mask: Tensor | None, segments: Segments) -> Tensor:
        if self.training:
            shared = SharedNorm(frames, self.transit.inputs, mask)
            for layer in self.layers:
                shared.add(layer(shared.apply(layer.enter), mask, segments))
            return shared.apply(self.transit)
        for layer in self.layers:
            frames = torch.cat([frames, layer(layer.enter(frames), mask, segments)], dim=2)
        return self.transit(frames)


@form_of(DenseBlock)
class PackedDenseBlock(DenseBlock):
    """All channels are in one place from the start, and a BatchNorm without ReLU before it is in the weights.

    The products are torch's: oneDNN would have to prepare as many as there are layers for each number of frames.
    """

    def pack(self) -> None:
        self.packed = []
        for layer in self.layers:
            scale, shift = scale_and_shift(layer.norm)
            weight = (layer.enter.linear.weight * scale[:, None]).detach().T
            self.packed.append((*scale_and_shift(layer.enter.norm), weight, shift))

    def forward(self, frames: Tensor, mask: Tensor | None, segments: Segments) -> Tensor:
        if self.training or not is_packable(frames):
            return super().forward(frames, mask, segments)
        shape, width, inputs = frames.shape[:2], frames.shape[2], self.transit.inputs
        grown = frames.new_empty(*shape, inputs)
        grown[:, :, :width] = frames
        rows, work = grown.flatten(0, 1), frames.new_empty(shape.numel(), inputs)
        for layer, (scale, shift, weight, bias) in zip(self.layers, self.packed, strict=True):
            width = layer.enter.inputs
            normed = torch.addcmul(shift, rows[:, :width], scale, out=work[:, :width]).relu_()
            hidden = torch.addmm(bias, normed, weight).relu_().view(*shape, -1)
            if mask is not None:
                hidden.masked_fill_(~mask[:, :, None], 0.0)
            layer.emphasise(hidden, segments, out=grown[:, :, width : width + layer.local.out_channels])
        return self.transit(grown)


class Encoder(nn.Module):
    """CAM++ as an encoder: ``(B, T, input_dim)`` frames -> ``(B, embedding_dim)`` embeddings.

    An utterance of a single frame has an embedding too: its standard deviations are next to nothing.
    """

    min_frames = 1

    def __init__(self, conf: Conf, input_dim: int) -> None:
        super().__init__()
        self.input_dim, self.embedding_dim = input_dim, conf.embedding_dim
        self.head = Head(input_dim, conf.head_channels)
        self.tdnn = Convolution(self.head.output_dim, conf.channels, kernel=5, stride=2, bias=False)
        self.tdnn_norm = FrameNorm(conf.channels)
        self.blocks, width = nn.ModuleList(), conf.channels
        for layers, dilation in zip(conf.layers, DILATIONS, strict=True):
            half = (width + layers * conf.growth) // 2
            self.blocks.append(
                DenseBlock(width, half, layers, dilation, bottleneck=conf.bottleneck, growth=conf.growth)
            )
            width = half
        self.norm = FrameNorm(width)
        self.pooling = build_pooling(conf.pooling, width)
        self.embedding = nn.Linear(self.pooling.output_dim, conf.embedding_dim, bias=False)
        self.embedding_norm = BatchNorm(conf.embedding_dim, affine=False)

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """``feats (B, T, F)``, ``lengths (B,)`` -> ``(B, D)``; see :func:`timbre.models.layers.frame_mask`."""
        mask = frame_mask(feats, lengths, self.input_dim, self.min_frames)
        frames = self.tdnn(self.head(masked(feats, mask), mask))
        if mask is not None:
            mask = mask[:, ::2]
        frames = F.relu(self.tdnn_norm(frames, mask))
        segments = Segments(frames, mask)
        for block in self.blocks:
            frames = block(frames, mask, segments)
        frames = F.relu(self.norm(frames, mask))
        return self.embedding_norm(self.embedding(self.pooling(frames, mask)))
