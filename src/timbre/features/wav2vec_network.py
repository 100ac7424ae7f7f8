"""The network of wav2vec (Schneider et al. 2019, arXiv 1904.05862): samples -> latents -> contexts.

    samples (N,) ── L convolutions, strides 5 · 4 · 2 · 2 · 2 ── latents z (T, C), one in 10 ms
    latents      ── M causal convolutions of stride 1          ── contexts c (T, D)

Each layer is convolution → GroupNorm → ReLU, normalised over all frames and channels of an utterance at once:

    y = ReLU(w · (x − mean) / sqrt(variance + 1e-5) + b),   mean, variance of x over (T, C),   w, b of a channel

so that a frame depends on the whole utterance, through two numbers a layer. They are those of the real frames
alone: an utterance has the same frames alone and in a padded batch. Encoder convolutions have no bias and no
padding; with the paper's sizes N samples give T = ⌊(N − 465) / 160⌋ + 1 latents. Context convolutions have a bias,
and on their left the first frame stands as often as the kernel needs. The large model has two encoder layers of
kernel 1 more, latents log(1 + z), and twelve context layers of kernels 2 … 13, each added to what it was given:

    c ← √½ · (layer(c) + c)

Frames are kept as (B, T, C): oneDNN's channels-last convolutions and normalisation take 0.7 of the time of
(B, C, T) in bf16 (128 channels). A matrix product of unfolded samples was no faster there in the first layer, and
slower in the others.
"""

from __future__ import annotations

import math

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section

RESIDUAL_SCALE = math.sqrt(0.5)
PIECE = (
    4096  # frames of the first layer that are computed at once where the utterance is long; 8 MB of 512 channels
)


class NetworkConf(Section):
    """Sizes; the defaults are the paper's base model."""

    channels: PositiveInt = Field(512, description="of the encoder's layers: values of a latent")
    kernels: tuple[PositiveInt, ...] = Field(
        (10, 8, 4, 4, 4),
        min_length=2,
        max_length=100,
        description="of the encoder's layers (large: 1, 1 after them)",
    )
    strides: tuple[PositiveInt, ...] = Field(
        (5, 4, 2, 2, 2), description="of the encoder's layers; their product is the samples from frame to frame"
    )
    context_channels: PositiveInt = Field(512, description="of the context's layers: values of a frame")
    context_kernels: tuple[PositiveInt, ...] = Field(
        (3,) * 9, min_length=1, max_length=100, description="of the context's layers (large: 2 to 13)"
    )
    context_skip: bool = Field(False, description="add to each context layer what it was given, times √½ (large)")
    log_compression: bool = Field(False, description="latents are log(1 + z) (large)")

    @model_validator(mode="after")
    def _a_stride_for_each_kernel(self) -> NetworkConf:
        if len(self.kernels) != len(self.strides):
            raise ValueError(
                f"{len(self.kernels)} kernels and {len(self.strides)} strides: one of each for a layer"
            )
        return self

    @property
    def hop(self) -> int:
        """Samples from frame to frame."""
        return math.prod(self.strides)

    @property
    def reach(self) -> int:
        """Samples that a latent sees, the fewest of which there is one: 465 of the paper's sizes."""
        steps = [math.prod(self.strides[:place]) for place in range(len(self.strides))]
        return 1 + sum((kernel - 1) * step for kernel, step in zip(self.kernels, steps, strict=True))


class Layer(nn.Module):
    """Convolution → GroupNorm → ReLU of frames ``(B, T, C)``; a causal one keeps T, another shrinks it."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, causal: bool = False) -> None:
        super().__init__()
        self.kernel, self.stride, self.causal = kernel, stride, causal
        self.convolution = nn.Conv2d(inputs, outputs, (1, kernel), stride=(1, stride), bias=causal)
        self.norm = nn.GroupNorm(1, outputs)

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, T, C)`` and lengths ``(B,)`` -> frames ``(B, T', C')``, zero where padded, and lengths'."""
        lengths = self.count(lengths)
        return self.normalise(self.convolve(frames), lengths), lengths

    def count(self, length: int | Tensor) -> int | Tensor:
        """The frames that so many give."""
        return length if self.causal else (length - self.kernel) // self.stride + 1

    def needs(self, start: int, stop: int) -> slice:
        """The frames that give ``start : stop`` (of a layer that is not causal)."""
        return slice(start * self.stride, (stop - 1) * self.stride + self.kernel)

    def convolve(self, frames: Tensor) -> Tensor:
        """``(B, T, C)`` -> ``(B, T', C')``."""
        if self.causal:
            frames = torch.cat([frames[:, :1].expand(-1, self.kernel - 1, -1), frames], dim=1)
        return self.convolution(frames.transpose(1, 2).unsqueeze(2)).squeeze(2).transpose(1, 2)

    def scale(self, frames: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """``frames (B, T, C)`` by their ``mean`` and ``variance`` (B, 1, 1): ``(B, T, C)``."""
        scale = self.norm.weight * (variance + self.norm.eps).rsqrt()
        return torch.addcmul(self.norm.bias - mean * scale, frames, scale).relu_()

    def normalise(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """The norm of real frames, its sums in fp32 inside autocast too (group_norm's own are)."""
        real = real_frames(frames, lengths)
        if real is None:
            norm = self.norm
            rows = frames.transpose(1, 2).unsqueeze(2)
            return F.group_norm(rows, 1, norm.weight, norm.bias, norm.eps).relu_().squeeze(2).transpose(1, 2)
        with torch.autocast(frames.device.type, enabled=False):
            wide, padding = frames.to(self.norm.weight.dtype), ~real[:, :, None]
            count = real.sum(dim=1)[:, None, None] * frames.shape[2]
            mean = wide.masked_fill(padding, 0.0).sum(dim=(1, 2), keepdim=True) / count
            centred = (wide - mean).masked_fill(padding, 0.0)
            variance = centred.square().sum(dim=(1, 2), keepdim=True) / count
            return self.scale(wide, mean, variance).masked_fill(padding, 0.0).to(frames.dtype)


class Network(nn.Module):
    """Samples ``(B, N)`` -> latents ``(B, T, C)`` and contexts ``(B, T, D)``."""

    def __init__(self, conf: NetworkConf) -> None:
        super().__init__()
        self.conf = conf
        widths = [1] + [conf.channels] * len(conf.kernels)
        sizes = zip(widths, widths[1:], conf.kernels, conf.strides, strict=False)
        self.encoder = nn.ModuleList(Layer(*size) for size in sizes)
        widths = [conf.channels] + [conf.context_channels] * len(conf.context_kernels)
        sizes = zip(widths, widths[1:], conf.context_kernels, strict=False)
        self.context = nn.ModuleList(Layer(*size, causal=True) for size in sizes)
        self.projection = None
        if conf.context_skip and conf.context_channels != conf.channels:
            self.projection = nn.Linear(conf.channels, conf.context_channels, bias=False)
        self.to(memory_format=torch.channels_last)

    def forward(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Latents, contexts and how many of them are real; what is padded is not looked at, and comes out zero.

        Args:
            samples: ``(B, N)`` in [-1, 1).
            lengths: ``(B,)`` int64 counts of real samples, ``reach`` or more; best kept on the CPU, where they are
                read.
        """
        real = real_frames(samples, lengths)
        samples = samples if real is None else samples.masked_fill(~real, 0.0)
        return self._finish(samples[:, :, None], lengths, 0)

    @torch.inference_mode()
    def contexts(self, samples: Tensor) -> Tensor:
        """Samples ``(N,)`` of one utterance -> contexts ``(T, D)``, the same numbers in less memory.

        The first layer's frames, three quarters of all, are computed twice by pieces and kept never: once for their
        mean and variance, once for the second layer.
        """
        first, second = self.encoder[:2]
        wave = samples[None, :, None]
        count = first.count(len(samples))
        sizes, means, variances = [], [], []
        for start in range(0, count, PIECE):
            frames = first.convolve(wave[:, first.needs(start, min(start + PIECE, count))])
            sizes.append(frames.shape[1] / count)
            means.append(frames.mean().item())  # numbers: tensors kept between pieces leave holes in the heap
            variances.append((frames - means[-1]).square_().mean().item())
        share, mean, variance = (torch.tensor(each, dtype=torch.float64) for each in (sizes, means, variances))
        whole = (share * mean).sum()
        moments = whole.float(), (share * (variance + (mean - whole).square())).sum().float()
        count = second.count(count)
        frames = wave.new_empty(1, count, second.convolution.out_channels)
        for start in range(0, count, PIECE // second.stride):
            stop = min(start + PIECE // second.stride, count)
            needed = second.needs(start, stop)
            below = first.convolve(wave[:, first.needs(needed.start, needed.stop)])
            frames[:, start:stop] = second.convolve(first.scale(below, *moments))
        lengths = torch.tensor([count])
        frames = second.normalise(frames, lengths)
        return self._finish(frames, lengths, 2)[1][0]

    def _finish(self, frames: Tensor, lengths: Tensor, done: int) -> tuple[Tensor, Tensor, Tensor]:
        """:meth:`forward` from the frames of ``done`` layers on."""
        for layer in self.encoder[done:]:
            frames, lengths = layer(frames, lengths)
        latents = frames.log1p() if self.conf.log_compression else frames
        contexts = latents
        for layer in self.context:
            given = contexts
            contexts, _ = layer(given, lengths)
            if self.conf.context_skip:
                if given.shape[2] != contexts.shape[2]:
                    given = self.projection(given)
                contexts = RESIDUAL_SCALE * (contexts + given)
        return latents, contexts, lengths


def real_frames(frames: Tensor, lengths: Tensor) -> Tensor | None:
    """``(B, T)`` true where a frame of ``(B, T, …)`` is real; ``None`` where all are."""
    if int(lengths.min()) == frames.shape[1]:
        return None
    return torch.arange(frames.shape[1], device=frames.device) < lengths.to(frames.device)[:, None]
