"""Layers over frames that know which frames are real.

Frames are kept as ``(B, T, C)``, channels next to each other in memory, as features come and as matrix
products like them: a convolution over time is oneDNN's or cuDNN's channels-last convolution, with no
transposition between layers.

Padding never reaches a result. Convolutions pad with zeros, so that the end of an utterance looks to them
the same alone and in front of padded frames; whatever could make a padded frame other than zero
(BatchNorm's shift, a bias) is followed by the mask. A batch without padding, such as the crops of
training, carries ``mask=None`` and does no masking at all.
"""

from __future__ import annotations

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn import functional as F

from timbre.errors import TimbreError

NARROW = 16
"""Channels of a depthwise convolution, at most, that is computed in fp32 even inside autocast: in bf16 oneDNN never
ends making its code where there are about as many frames as the kernel is wide, or more."""


def frame_mask(feats: Tensor, lengths: Tensor, input_dim: int, min_frames: int) -> Tensor | None:
    """Checks a batch and marks its real frames.

    Args:
        feats: ``(B, T, F)``.
        lengths: ``(B,)`` int64 counts of real frames. Best kept on the CPU: it is read here, and reading it
            from a GPU waits for the GPU.
        input_dim: ``F`` as the encoder was built for.
        min_frames: the fewest frames the encoder has an answer for.

    Returns:
        ``(B, T)`` bool, true where a frame is real, or ``None`` when no frame is padded.

    Raises:
        TimbreError: frames of another width, an utterance too short, a length beyond ``T``.
    """
    shortest, longest = (int(value) for value in torch.aminmax(lengths))
    if feats.shape[2] != input_dim:
        raise TimbreError(f"frames of {feats.shape[2]} values, but the encoder takes {input_dim}: other features?")
    if shortest < min_frames:
        raise TimbreError(f"{shortest} frames are too few: the encoder needs {min_frames}; drop or lengthen it")
    if longest > feats.shape[1]:
        raise TimbreError(f"a length of {longest} frames in a batch of {feats.shape[1]}: lengths and frames differ")
    if shortest == feats.shape[1]:
        return None
    return torch.arange(feats.shape[1], device=feats.device) < lengths.to(feats.device)[:, None]


def masked(frames: Tensor, mask: Tensor | None) -> Tensor:
    """``frames (B, T, C)`` with padded frames zero (a NaN there too)."""
    return frames if mask is None else frames.masked_fill(~mask[:, :, None], 0.0)


def wide_dtype(values: Tensor) -> torch.dtype:
    """The dtype in which sums over ``values`` keep their digits: fp32, of float64 float64."""
    return torch.promote_types(values.dtype, torch.float32)


def wide(values: Tensor) -> Tensor:
    """``values`` in their :func:`wide_dtype`."""
    return values.to(wide_dtype(values))


def frame_weights(frames: Tensor, mask: Tensor | None) -> Tensor:
    """``(B, T)`` wide weights of a plain average: ``1 / length`` at real frames, 0 at padded ones."""
    dtype = wide_dtype(frames)
    if mask is None:
        return frames.new_full(frames.shape[:2], 1 / frames.shape[1], dtype=dtype)
    return mask / mask.sum(dim=1, keepdim=True, dtype=dtype)


def last_frame(frames: Tensor, lengths: Tensor) -> Tensor:
    """Of each row of ``frames (B, T, C)`` the last real one: ``(B, C)``."""
    rows = torch.arange(frames.shape[0], device=frames.device)
    return frames[rows, lengths.to(frames.device) - 1]


def reflected(frames: Tensor, mask: Tensor | None, reach: int) -> Tensor:
    """``frames (B, T, C)`` with ``reach`` frames more at each end, mirrored at an utterance's first and last.

    x(−i) = x(i)        x(L − 1 + i) = x(L − 1 − i)        of L real frames, more than ``reach``
    """
    index = torch.arange(-reach, frames.shape[1] + reach, device=frames.device).abs()
    if mask is None:
        last = frames.shape[1] - 1
        return frames.index_select(1, last - (last - index).abs())
    last = mask.sum(dim=1, keepdim=True) - 1
    index = (last - (last - index).abs()).clamp(min=0)  # (B, T + 2 reach); far behind the end anything does
    return frames.gather(1, index[:, :, None].expand(-1, -1, frames.shape[2]))


class Convolution(nn.Conv2d):
    """A convolution over time of ``(B, T, C)``: with ``same`` zeros around it keep ``T``, without it shrinks.

    A two-dimensional one of height 1, because that is the one with a channels-last form.

    Args:
        reflect: with ``same``, mirrored frames around it instead of zeros (:func:`reflected`).
        stride: of ``T`` frames ``⌈T / stride⌉`` remain (``same``), the first and every ``stride``-th after it.

    Attributes:
        context: how many frames beside its own an output frame sees, and ``T`` loses where not ``same``.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        dilation: int = 1,
        same: bool = True,
        groups: int = 1,
        reflect: bool = False,
        stride: int = 1,
        bias: bool = True,
    ) -> None:
        self.context, self.reflect = (kernel - 1) * dilation, reflect and kernel > 1
        around = {"stride": (1, stride), "padding": (0, self.context // 2 if same and not reflect else 0)}
        super().__init__(inputs, outputs, (1, kernel), dilation=(1, dilation), groups=groups, bias=bias, **around)

    def forward(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        """``mask`` matters to mirrored frames alone."""
        if self.reflect:
            frames = reflected(frames, mask, self.context // 2)
        if self.groups > 1 and self.out_channels <= NARROW:
            with torch.autocast(frames.device.type, enabled=False):
                return self._convolve(frames.to(self.weight.dtype))
        return self._convolve(frames)

    def _convolve(self, frames: Tensor) -> Tensor:
        return super().forward(frames.transpose(1, 2).unsqueeze(2)).squeeze(2).transpose(1, 2)


class BatchNorm(nn.BatchNorm1d):
    """BatchNorm over rows ``(N, C)``, in training over those of all processes, as if they were one batch.

    With N rows in all processes together

        mean = Σ x / N        variance = Σ (x − mean)² / N

    both sums being all-reduced, and so are their gradients. torch's SyncBatchNorm does so on GPUs only.
    """

    def forward(self, rows: Tensor) -> Tensor:
        if not (self.training and distributed.is_initialized()):
            return super().forward(rows)
        values = wide(rows)
        count = all_reduce(values.new_tensor(float(len(values))))
        mean = all_reduce(values.sum(dim=0)) / count
        centred = values - mean
        variance = all_reduce(centred.square().sum(dim=0)) / count
        self.num_batches_tracked.add_(1)
        share = self.momentum or 1.0 / float(self.num_batches_tracked)  # without momentum: the mean of all batches
        with torch.no_grad():
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(variance * count / (count - 1).clamp(min=1), share)
        out = centred * (variance + self.eps).rsqrt()
        if self.affine:
            out = out * self.weight + self.bias
        return out.to(rows.dtype)


class FrameNorm(BatchNorm):
    """BatchNorm over the real frames of ``(B, T, C)``; padded frames come out zero.

    In training the mean and variance are those of real frames alone, and so are the running ones.
    """

    def forward(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None or not self.training:
            return masked(super().forward(frames.flatten(0, 1)).view_as(frames), mask)
        real = super().forward(frames[mask])
        return real.new_zeros(frames.shape).masked_scatter(mask[:, :, None], real)


class TDNN(nn.Module):
    """Convolution over time → ReLU → BatchNorm (``affine``: with a learned scale and shift).

    Args:
        reflect: as of :class:`Convolution`.
        slope: of the ReLU below zero.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        dilation: int = 1,
        same: bool = True,
        affine: bool = True,
        reflect: bool = False,
        slope: float = 0.0,
    ) -> None:
        super().__init__()
        self.slope = slope
        self.convolution = Convolution(inputs, outputs, kernel, dilation, same, reflect=reflect)
        self.norm = FrameNorm(outputs, affine=affine)

    def forward(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        frames = self.convolution(frames, mask)
        return self.norm(F.leaky_relu(frames, self.slope) if self.slope else F.relu(frames), mask)
