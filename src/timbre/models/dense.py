"""BatchNorm, ReLU and a linear layer over channels that many layers look at, as in densely connected blocks.

Layer l of a dense block sees the channels of all layers before it:

    y_l = W_l ReLU(γ_l ⊙ x̂ + β_l)        x̂ = (x − mean) / √(variance + ε), of each channel

In training x̂ does not depend on l: a channel has the batch's mean and variance whoever looks at it. So it is
computed once, and what stands between x̂ and y is computed again for the gradient: a block needs memory for its
channels, not for channels times layers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from timbre.models.inference import form_of, is_packable, scale_and_shift
from timbre.models.layers import FrameNorm, wide_dtype


class NormLinear(nn.Module):
    """``W ReLU(BN(x))``: ``(B, T, inputs)`` -> ``(B, T, outputs)``, of padded frames anything.

    Called as a module it is not for training on padded frames: see :class:`SharedNorm`.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.norm = FrameNorm(inputs)
        self.linear = nn.Linear(inputs, outputs, bias=False)

    def forward(self, frames: Tensor) -> Tensor:
        return self.linear(F.relu(self.norm(frames)))


@form_of(NormLinear)
class PackedNormLinear(NormLinear):
    """The BatchNorm as one multiplication and addition."""

    def pack(self) -> None:
        self.scale, self.shift = scale_and_shift(self.norm)

    def forward(self, frames: Tensor) -> Tensor:
        if self.training or not is_packable(frames):
            return super().forward(frames)
        return self.linear(torch.addcmul(self.shift, frames, self.scale).relu_())


class _Store:
    """Normalised channels ``(N, width)`` as values alone, which the graph may hold: it does not hold the graph."""

    def __init__(self, channels: Tensor) -> None:
        self.channels, self._work = channels, torch.empty_like(channels)

    def rectified(self, gamma: Tensor, beta: Tensor) -> Tensor:
        """``ReLU(γ ⊙ x̂ + β)`` of the first channels, ``(N, C)``; it holds until the next call."""
        width, dtype = len(gamma), self.channels.dtype
        out = self._work[:, :width]
        return torch.addcmul(beta.to(dtype), self.channels[:, :width], gamma.to(dtype), out=out).relu_()


class SharedNorm:
    """The normalised channels of a dense block in training, ``(N, width)`` of N = B · T frames.

    Each layer's BatchNorm has its own scale, shift and running statistics; mean and variance are of real frames.
    """

    def __init__(self, frames: Tensor, width: int, mask: Tensor | None) -> None:
        self.shape, self.mask = frames.shape[:2], mask
        self.store = _Store(frames.new_empty(self.shape.numel(), width))
        self._width = 0
        self._chunks: list[Tensor] = []
        self._means: list[Tensor] = []
        self._variances: list[Tensor] = []
        self.add(frames)

    def add(self, frames: Tensor) -> None:
        """Normalises new channels ``(B, T, C)``."""
        width, device = frames.shape[2], frames.device
        norm = FrameNorm(width, affine=False, momentum=1.0, device=device, dtype=wide_dtype(frames))
        chunk = norm(frames, self.mask).flatten(0, 1)
        self.store.channels[:, self._width : self._width + width] = chunk.detach()
        self._width += width
        self._chunks.append(chunk)
        self._means.append(norm.running_mean)
        self._variances.append(norm.running_var)

    def apply(self, layer: NormLinear) -> Tensor:
        """``layer`` of all channels so far: ``(B, T, outputs)``."""
        norm = layer.norm
        norm.num_batches_tracked.add_(1)
        share = norm.momentum or 1.0 / float(norm.num_batches_tracked)  # as in BatchNorm
        norm.running_mean.lerp_(torch.cat(self._means), share)
        norm.running_var.lerp_(torch.cat(self._variances), share)
        out = _RectifiedLinear.apply(self.store, norm.weight, norm.bias, layer.linear.weight, *self._chunks)
        return out.view(*self.shape, -1)


class _RectifiedLinear(torch.autograd.Function):
    """``W ReLU(γ ⊙ x̂ + β)`` of a store's first channels, those of ``chunks``: ``(N, outputs)``."""

    @staticmethod
    def forward(ctx: Any, store: _Store, gamma: Tensor, beta: Tensor, weight: Tensor, *chunks: Tensor) -> Tensor:
        ctx.store, ctx.sizes = store, [chunk.shape[1] for chunk in chunks]
        device = gamma.device.type
        low = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype
        ctx.save_for_backward(gamma, beta, weight.to(low))
        return store.rectified(gamma, beta).to(low) @ weight.to(low).T

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        gamma, beta, weight = ctx.saved_tensors
        hidden, channels = ctx.store.rectified(gamma, beta), ctx.store.channels[:, : len(gamma)]
        of_weight = gradient.T @ hidden.to(gradient.dtype)
        back = (gradient @ weight).to(channels.dtype).mul_(hidden.sign_())
        of_beta = back.sum(dim=0, dtype=gamma.dtype)
        of_gamma = torch.mul(back, channels, out=hidden).sum(dim=0, dtype=gamma.dtype)
        back *= gamma.to(channels.dtype)
        return None, of_gamma, of_beta, of_weight.to(gamma.dtype), *back.split(ctx.sizes, dim=1)
