"""Layers over maps: the time-frequency plane of an utterance with channels, ``(B, T, F, C)``.

Channels lie next to each other in memory, as in :mod:`timbre.models.layers`: on a CPU a training step of ResNet34
on 8 × 200 frames takes 0.8 of the time that it takes on ``(B, C, F, T)``. Padded frames are zero before each
convolution.

Prepared for inference (:mod:`timbre.models.inference`), a layer and the BatchNorm after it are one layer:

    s (w ∗ x) + b = (s w) ∗ x + b        s, b: scale and shift of the BatchNorm
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.models.inference import SMALL, Product, form_of, is_packable, scale_and_shift
from timbre.models.layers import BatchNorm, FrameNorm


class MapNorm(FrameNorm):
    """BatchNorm over the real frames of ``(B, T, F, C)``; padded frames come out zero."""

    def forward(self, maps: Tensor, mask: Tensor | None = None, ceiling: float = 0.0) -> Tensor:
        """``ceiling``: where a ReLU after it ends (:func:`rectified`); 0: there is none."""
        if mask is not None:
            mask = mask[:, :, None].expand(maps.shape[:3]).flatten(1)
            return rectified(super().forward(maps.flatten(1, 2), mask).view(maps.shape), ceiling)
        # in place before the shape is changed back: a map less is kept, and no gradient is of a view
        return rectified(BatchNorm.forward(self, maps.flatten(0, 2)), ceiling, inplace=True).view(maps.shape)


def rectified(values: Tensor, ceiling: float = math.inf, inplace: bool = False) -> Tensor:
    """ReLU that ends at the ``ceiling``; 0: the values as they are."""
    if ceiling == 0:
        return values
    return F.relu(values, inplace) if ceiling == math.inf else F.hardtanh(values, 0.0, ceiling, inplace)


def add_rectified(maps: Tensor, others: Tensor, ceiling: float = math.inf) -> Tensor:
    """ReLU of the sum, written to ``maps`` where that may be: they are a result that nothing else needs."""
    return rectified(maps.add_(others) if is_packable(maps) else maps + others, ceiling, inplace=True)


class _Normalised:
    """A layer that is followed by BatchNorm."""

    def normalised(
        self, norm: MapNorm, maps: Tensor, mask: Tensor | None = None, ceiling: float = math.inf
    ) -> Tensor:
        """``norm`` of the layer's maps, padded ones zero, and :func:`rectified`."""
        return norm(self(maps), mask, ceiling)


class _Folded:
    """The same with the BatchNorm in the weights; ``_fold(scale, shift)`` gives what computes it."""

    def pack(self) -> None:
        self.folded: Any = None  # the layer is told of its BatchNorm when it is first used

    def normalised(
        self, norm: MapNorm, maps: Tensor, mask: Tensor | None = None, ceiling: float = math.inf
    ) -> Tensor:
        if norm.training or not is_packable(maps):
            return super().normalised(norm, maps, mask, ceiling)
        if self.folded is None:
            self.folded = self._fold(*scale_and_shift(norm))
        relu = ceiling == math.inf
        out = self.folded(maps, relu)
        out = out if relu else rectified(out, ceiling, inplace=True)
        return out if mask is None else out.masked_fill_(~mask[:, :, None, None], 0.0)


class MapLinear(_Normalised, nn.Linear):
    """A 1×1 convolution of ``(B, T, F, C)``. One of stride 2 is that of a slice: oneDNN's crashes when narrow."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False) -> None:
        super().__init__(inputs, outputs, bias=bias)


class MapConvolution(_Normalised, nn.Conv2d):
    """A convolution of ``(B, T, F, C)`` with zeros around it: of ``T`` frames ``⌈T / stride⌉`` remain.

    Args:
        kernel: odd, over time and frequency.
        stride: over both, or over time and over frequency.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        stride: int | tuple[int, int] = 1,
        bias: bool = False,
        groups: int = 1,
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding=kernel // 2, bias=bias, groups=groups)
        self.to(memory_format=torch.channels_last)

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(maps.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


@form_of(MapLinear)
class PackedMapLinear(_Folded, MapLinear):
    """A 1×1 convolution with its BatchNorm."""

    def _fold(self, scale: Tensor, shift: Tensor) -> Product:
        if self.bias is not None:
            shift = shift + scale * self.bias
        return Product(self.weight * scale[:, None], shift)


@form_of(MapConvolution)
class PackedMapConvolution(_Folded, MapConvolution):
    """A convolution with its BatchNorm; packed where the weights are many, and for the first map, where torch takes
    twice oneDNN's time."""

    def _fold(self, scale: Tensor, shift: Tensor) -> Any:
        weight = (self.weight * scale[:, None, None, None]).detach()
        sizes = self.stride, self.dilation, self.groups
        if self.in_channels > 1 and weight.numel() < SMALL:

            def convolve(maps: Tensor, relu: bool) -> Tensor:
                first = F.conv2d(maps.permute(0, 3, 1, 2), weight, shift, self.stride, self.padding, *sizes[1:])
                out = first.permute(0, 2, 3, 1)
                return out.relu_() if relu else out

            return convolve
        size = [1, self.in_channels, 200, 80]
        packed = torch.ops.mkldnn._reorder_convolution_weight(weight, self.padding, *sizes, size)

        def convolve_packed(maps: Tensor, relu: bool) -> Tensor:
            then = "relu" if relu else "none"
            first = maps.permute(0, 3, 1, 2)
            out = torch.ops.mkldnn._convolution_pointwise(first, packed, shift, self.padding, *sizes, then, [], "")
            return out.permute(0, 2, 3, 1)

        return convolve_packed
