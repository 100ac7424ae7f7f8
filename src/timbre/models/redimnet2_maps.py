"""Layers of ReDimNet2 over maps ``(B, T, F, C)``, and their forms for inference.

In evaluation BatchNorms are part of the layers beside them. In the forms for inference
(:func:`timbre.models.inference.prepare_for_inference`) those layers are kept, kernels lie as oneDNN reads them,
and sums are made in place.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.models.inference import form_of, is_packable
from timbre.models.layers import NARROW, BatchNorm, wide
from timbre.models.maps import MapConvolution, MapNorm

EPS = 1e-6  # of the authors' LayerNorms, and of the BatchNorm behind a stage's blocks


def as_maps(frames: Tensor, shape: tuple[int, int]) -> Tensor:
    """``(B, T, F · C)`` -> ``(B, T, F, C)``."""
    return frames.view(frames.shape[0], frames.shape[1], *shape)  # ONNX loses T in unflatten


def map_masked(maps: Tensor, mask: Tensor | None) -> Tensor:
    """``maps (B, T, F, C)`` with padded frames zero."""
    return maps if mask is None else maps.masked_fill(~mask[:, :, None, None], 0.0)


def depthwise(
    maps: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
) -> Tensor:
    """Each channel of ``(B, T, F, C)`` convolved for itself by ``weight (C, 1, t, f)``."""
    rows, groups = maps.permute(0, 3, 1, 2), weight.shape[0]
    if groups <= NARROW:
        with torch.autocast(maps.device.type, enabled=False):
            rows = F.conv2d(rows.to(weight.dtype), weight, bias, stride, padding, 1, groups)
    else:
        rows = F.conv2d(rows, weight, bias, stride, padding, 1, groups)
    return rows.permute(0, 2, 3, 1)


class Depthwise:
    """Each channel of ``(B, T, F, C)`` convolved for itself by ``weight (C, 1, t, f)``, packed."""

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
    ) -> None:
        layout = (list(padding), list(stride), [1, 1], weight.shape[0])
        weight = weight.detach().contiguous()
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *layout, None)
        self.bias, self.layout = None if bias is None else bias.detach().contiguous(), layout

    def __call__(self, maps: Tensor, then: str = "none") -> Tensor:
        rows = maps.permute(0, 3, 1, 2)
        rows = torch.ops.mkldnn._convolution_pointwise(
            rows, self.weight, self.bias, *self.layout, then, [], "none" if then == "gelu" else ""
        )
        return rows.permute(0, 2, 3, 1)


def affine(norm: BatchNorm) -> tuple[Tensor, Tensor]:
    """Scale and shift by which a BatchNorm is ``scale · x + shift`` in evaluation, each ``(C,)``."""
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return scale, norm.bias - norm.running_mean * scale


def mixed(mix: nn.Linear, norm: BatchNorm) -> tuple[Tensor, Tensor]:
    """Weight and bias of ``norm(mix(x))`` as one linear layer."""
    scale, shift = affine(norm)
    return mix.weight * scale[:, None], mix.bias * scale + shift


def bounds(norm: BatchNorm) -> tuple[Tensor, Tensor]:
    """Between which values ``norm(ReLU(x))`` is, where ``norm(x)`` is known, in evaluation. With norm(x) = s x + b

    norm(ReLU(x)) = max(norm(x), b)        where s ≥ 0, else min(norm(x), b)
    """
    scale, shift = affine(norm)
    return torch.where(scale < 0, -torch.inf, shift), torch.where(scale < 0, shift, torch.inf)


class Stem(nn.Module):
    """A convolution, and LayerNorm over the channels of each bin: ``(B, T, F)`` -> ``(B, T, F, C)``.

    LayerNorm takes the mean over channels away. That is linear: the convolution's weights, less their mean over
    channels, give values whose mean is 0, and only their mean square has to be computed.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = MapConvolution(1, channels, bias=True)
        self.norm = nn.LayerNorm(channels, eps=EPS)

    def forward(self, frames: Tensor) -> Tensor:
        layer, norm = self.convolution, self.norm
        weight = (layer.weight - layer.weight.mean(dim=0)).flatten(1)
        around = F.pad(frames, (1, 1, 1, 1))
        rows, bins = frames.shape[1], frames.shape[2]
        near = [around[:, t : t + rows, f : f + bins] for t in range(3) for f in range(3)]
        maps = wide(F.linear(torch.stack(near, dim=3), weight, layer.bias - layer.bias.mean()))
        scale = (maps.square().mean(dim=3, keepdim=True) + norm.eps).rsqrt()
        return torch.addcmul(norm.bias, maps * scale, norm.weight)


class Squeeze(nn.Module):
    """A linear layer over the channels of a map, and BatchNorm; padded frames are anything."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.mix, self.norm = nn.Linear(inputs, outputs), MapNorm(outputs, eps=EPS)

    def forward(self, maps: Tensor, mask: Tensor | None) -> Tensor:
        if self.training:
            return self.norm(self.mix(maps), mask)
        return F.linear(maps, *mixed(self.mix, self.norm))


@form_of(Squeeze)
class PackedSqueeze(Squeeze):
    """With its one layer made before."""

    def pack(self) -> None:
        with torch.no_grad():
            self.mixing = mixed(self.mix, self.norm)

    def forward(self, maps: Tensor, mask: Tensor | None) -> Tensor:
        return F.linear(maps, *self.mixing) if is_packable(maps) else super().forward(maps, mask)


class Residual(nn.Module):
    """Two depthwise 3 × 3 convolutions, each with a linear layer over channels behind it, and the input added.

    out = ReLU(BN(linear(3×3(BN(ReLU(linear(3×3(x))))))) + x)
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = MapConvolution(channels, channels, groups=channels)
        self.first_mix, self.first_norm = nn.Linear(channels, channels), MapNorm(channels)
        self.second = MapConvolution(channels, channels, groups=channels)
        self.second_mix, self.second_norm = nn.Linear(channels, channels), MapNorm(channels)

    def forward(self, maps: Tensor, mask: Tensor | None) -> Tensor:
        out = depthwise(maps, self.first.weight, padding=(1, 1))
        if self.training:
            out = self.first_norm(F.relu(self.first_mix(out)), mask)
        else:
            out = F.linear(out, *mixed(self.first_mix, self.first_norm))
            out = map_masked(torch.clamp(out, *bounds(self.first_norm)), mask)
        out = depthwise(out, self.second.weight, padding=(1, 1))
        if self.training:
            return F.relu(self.second_norm(self.second_mix(out), mask) + maps)
        return map_masked(F.relu(F.linear(out, *mixed(self.second_mix, self.second_norm)) + maps), mask)


@form_of(Residual)
class PackedResidual(Residual):
    """With all that is made of the weights made before."""

    def pack(self) -> None:
        with torch.no_grad():
            self.kernels = [Depthwise(layer.weight, padding=(1, 1)) for layer in (self.first, self.second)]
            self.mixings = mixed(self.first_mix, self.first_norm), mixed(self.second_mix, self.second_norm)
            self.bounds = bounds(self.first_norm)

    def forward(self, maps: Tensor, mask: Tensor | None) -> Tensor:
        if not is_packable(maps):
            return super().forward(maps, mask)
        (first, second), (first_mixing, second_mixing) = self.kernels, self.mixings
        out = F.linear(first(maps), *first_mixing).clamp_(*self.bounds)
        out = F.linear(second(map_masked(out, mask)), *second_mixing)
        return map_masked(out.add_(maps).relu_(), mask)


class Reduction(nn.Module):
    """Tiles of a map become one value each, of each channel several: ``(B, T, F, C)`` -> ``(B, T/t, F/f, C·m)``.

    Args:
        multiple: values m of each channel.
        tile: frames t and bins f of a tile.
    """

    def __init__(self, channels: int, multiple: int, tile: tuple[int, int]) -> None:
        super().__init__()
        self.channels, self.multiple, self.tile = channels, multiple, tile
        like = nn.Conv2d(channels, channels * multiple, tile, groups=channels)  # its first values
        self.weight, self.bias = like.weight, like.bias

    def forward(self, maps: Tensor) -> Tensor:
        if self.tile[0] == 1:
            tiles = maps.view(maps.shape[0], maps.shape[1], -1, self.tile[1] * self.channels)
            return F.linear(tiles, self.matrix(), self.bias)
        return self.interleaved([depthwise(maps, *pair, self.tile) for pair in self.parts()])

    def matrix(self) -> Tensor:
        """Of tiles of one frame: one matrix ``(C · m, f · C)``, mostly zeros.

        oneDNN's grouped convolution of 1 × 1 takes seven times as long.
        """
        own = torch.eye(self.channels, dtype=self.weight.dtype, device=self.weight.device)
        own = own.repeat_interleave(self.multiple, dim=0)[:, None]
        return (own * self.weight[:, 0, 0, :, None]).flatten(1)

    def parts(self) -> list[tuple[Tensor, Tensor]]:
        """For each of the m values a depthwise convolution: together half of the time of a grouped one."""
        return [(self.weight[n :: self.multiple], self.bias[n :: self.multiple]) for n in range(self.multiple)]

    def interleaved(self, parts: list[Tensor]) -> Tensor:
        """The m values of a channel beside each other."""
        return torch.stack(parts, dim=4).flatten(3) if len(parts) > 1 else parts[0]


@form_of(Reduction)
class PackedReduction(Reduction):
    """With its matrix, or its convolutions, made before."""

    def pack(self) -> None:
        if self.tile[0] == 1:
            self.made = self.matrix().detach()
        else:
            self.made = [Depthwise(*part, self.tile) for part in self.parts()]

    def forward(self, maps: Tensor) -> Tensor:
        if not is_packable(maps):
            return super().forward(maps)
        if self.tile[0] == 1:
            tiles = maps.view(maps.shape[0], maps.shape[1], -1, self.tile[1] * self.channels)
            return F.linear(tiles, self.made, self.bias)
        return self.interleaved([part(maps) for part in self.made])
