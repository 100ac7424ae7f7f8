"""Layers of ReDimNet2 over frames ``(B, T, C)``, a map's bins beside each other, and their forms for inference."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.models.attention import Attention
from timbre.models.inference import form_of, is_packable
from timbre.models.layers import Convolution, FrameNorm, frame_weights, masked, wide
from timbre.models.pooling import weighted_mean
from timbre.models.redimnet2_maps import EPS, Depthwise, affine, depthwise

HEADS = 4
KERNELS = (7, 19, 31, 59)
"""Frames that the convolutions before an attention see, one after the other."""


class ConvNeXt(nn.Module):
    """``x + linear(GELU(BN(depthwise convolution(x))))`` of ``(B, T, C)``; padded frames are anything."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.convolution = Convolution(channels, channels, kernel, groups=channels)
        self.norm = FrameNorm(channels)
        self.mix = nn.Linear(channels, channels)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        if self.training:
            out = self.norm(self.convolution(masked(frames, mask)), mask)
        else:
            kernel, bias = self.folded()
            out = depthwise(masked(frames, mask)[:, None], kernel, bias, padding=(0, kernel.shape[3] // 2))[:, 0]
        return frames + self.mix(F.gelu(out))

    def folded(self) -> tuple[Tensor, Tensor]:
        """The convolution with the BatchNorm of evaluation in it."""
        layer, (scale, shift) = self.convolution, affine(self.norm)
        return layer.weight * scale[:, None, None, None], layer.bias * scale + shift


@form_of(ConvNeXt)
class PackedConvNeXt(ConvNeXt):
    """BatchNorm in the convolution, and GELU within it."""

    def pack(self) -> None:
        kernel, bias = self.folded()
        self.kernel = Depthwise(kernel, bias, padding=(0, kernel.shape[3] // 2))

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        if not is_packable(frames):
            return super().forward(frames, mask)
        out = self.kernel(masked(frames, mask)[:, None], "gelu")[:, 0]
        return F.linear(out, self.mix.weight, self.mix.bias).add_(frames)


class Context(nn.Module):
    """What is far apart in time, in fewer channels, added to the frames ``(B, T, C)``; padded ones are anything.

    x + linear(transformer layer(convolutions of 7, 19, 31 and 59 frames(LN(linear(x)))))
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.enter, self.enter_norm = nn.Linear(channels, hidden), nn.LayerNorm(hidden, eps=EPS)
        self.convolutions = nn.ModuleList(ConvNeXt(hidden, kernel) for kernel in KERNELS)
        self.attention, self.attention_norm = Attention(hidden, HEADS, 0.0), nn.LayerNorm(hidden, eps=EPS)
        self.widen, self.narrow = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.feed_forward_norm = nn.LayerNorm(hidden, eps=EPS)
        self.leave = nn.Linear(hidden, channels)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        out = self.enter_norm(self.enter(frames))
        for convolution in self.convolutions:
            out = convolution(out, mask)
        out = self.attention_norm(out + self.attention(out, mask))
        out = self.feed_forward_norm(out + self.narrow(F.gelu(self.widen(out), approximate="tanh")))
        return self.leave(out).add_(frames)


class GroupNorm(nn.Module):
    """GroupNorm over the real frames of ``(B, T, C)``, in fp32 at least; padded frames are anything.

    Of an utterance, each group g of neighbouring channels has one mean and one variance

        mean_g = mean of x over frames and the group's channels        var_g = mean of (x − mean_g)²
    """

    def __init__(self, groups: int, channels: int) -> None:
        super().__init__()
        self.groups, self.size, self.eps = groups, channels // groups, 1e-5
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        frames = wide(frames)
        if mask is None:
            rows = frames.transpose(1, 2)[:, :, None]  # as a map, whose channels may lie next to each other
            out = F.group_norm(rows, self.groups, self.weight, self.bias, self.eps)
            return out[:, :, 0].transpose(1, 2)
        frames, weights = masked(frames, mask), frame_weights(frames, mask)
        centred = frames - self._by_group(weighted_mean(frames, weights))
        variance = self._by_group(weighted_mean(centred.square(), weights))
        return torch.addcmul(self.bias, centred * (variance + self.eps).rsqrt(), self.weight)

    def _by_group(self, values: Tensor) -> Tensor:
        """``(B, C)`` -> ``(B, 1, C)``, each value the mean of its group."""
        means = values.view(-1, self.groups, self.size).mean(dim=2, keepdim=True)
        return means.expand(-1, -1, self.size).reshape(-1, 1, self.groups * self.size)


class Aggregation(nn.Module):
    """The sum of earlier outputs, weighted for each channel by a softmax over the outputs.

    Outputs of fewer frames are repeated as those of the first are more: nearest upsampling, after the sum of those
    that have as few.
    """

    def __init__(self, outputs: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, channels))

    def shares(self) -> tuple[Tensor, ...]:
        """The weights of the outputs, each ``(C,)``."""
        return self.weight.softmax(dim=0).unbind()

    def forward(self, outputs: list[Tensor], strides: list[int]) -> Tensor:
        """``outputs``, each ``(B, T / stride, C)``, with strides that grow from 1 on -> ``(B, T, C)``."""
        weights, total, before = self.shares(), None, 1
        for frames, weight, stride in list(zip(outputs, weights, strides, strict=True))[::-1]:
            if total is None:
                total = frames * weight
            elif stride == before:
                total = self._added(total, frames, weight)
            else:
                parts = frames.view(frames.shape[0], -1, before // stride, frames.shape[2])
                total = self._added(total[:, :, None], parts, weight).flatten(1, 2)
            before = stride
        return total

    def _added(self, total: Tensor, frames: Tensor, weight: Tensor) -> Tensor:
        return total + frames * weight  # addcmul's gradient reads all once more


@form_of(Aggregation)
class PackedAggregation(Aggregation):
    """With its softmax made before."""

    def pack(self) -> None:
        self.made = tuple(share.detach() for share in super().shares())

    def shares(self) -> tuple[Tensor, ...]:
        return super().shares() if torch.is_grad_enabled() else self.made

    def _added(self, total: Tensor, frames: Tensor, weight: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return super()._added(total, frames, weight)
        return total.addcmul_(frames, weight) if total.dim() == 3 else torch.addcmul(total, frames, weight)
