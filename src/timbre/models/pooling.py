"""Poolings: any number of frames ``(B, T, C)`` -> one vector per utterance ``(B, D)``.

All see real frames alone, and all means, variances and softmaxes over time are taken in fp32, also
inside autocast: the variance of a bf16 number around 100 has no correct digit.

    average               mean                                                    D = C
    statistics            [mean; standard deviation]            (Snyder 2018)     D = 2C
    self_attentive        mean weighted by one linear score per frame (Cai 2018)  D = C
    attentive_statistics  [mean; standard deviation] weighted per channel
                          (Okabe 2018; Desplanques 2020)                          D = 2C
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.conf_effects import only
from timbre.models.layers import FrameNorm, frame_weights, wide

VARIANCE_FLOOR = 1e-7  # inside the square root: finite value and gradient where a channel is constant, or T = 1


_ATTENTIVE = only(kind="attentive_statistics")
_DEVIATION = only(kind=("statistics", "attentive_statistics"))


class PoolingConf(Section):
    """How an encoder makes one vector of an utterance's frames."""

    kind: Literal["average", "statistics", "self_attentive", "attentive_statistics"] = Field(
        "statistics",
        description="average: the mean; statistics: mean and standard deviation; self_attentive: mean weighted by "
        "one score per frame; attentive_statistics: both, weighted per channel",
    )
    bottleneck: int = Field(128, ge=1, description="hidden units of the attention", json_schema_extra=_ATTENTIVE)
    global_context: bool = Field(
        True,
        description="let the attention see the utterance's mean and standard deviation",
        json_schema_extra=_ATTENTIVE,
    )
    attention_norm: bool = Field(
        True, description="ReLU and BatchNorm in the attention before its tanh", json_schema_extra=_ATTENTIVE
    )
    unbiased: bool = Field(
        False,
        description="standard deviations that are not weighted divide by one frame less than there are",
        json_schema_extra=_DEVIATION,
    )
    floor: float = Field(
        VARIANCE_FLOOR, gt=0, le=1, description="a variance is at least this", json_schema_extra=_DEVIATION
    )
    add_floor: bool = Field(
        False,
        description="the floor is added to variances that are not weighted",
        json_schema_extra=_DEVIATION,
    )


def weighted_mean(frames: Tensor, weights: Tensor) -> Tensor:
    """``Σ_t w_t x_t`` for ``frames (B, T, C)`` and ``weights (B, T)`` that sum to 1: ``(B, C)`` in fp32."""
    with torch.autocast(frames.device.type, enabled=False):
        return torch.bmm(weights[:, None], wide(frames))[:, 0]


def standard_deviation(variance: Tensor, floor: float = VARIANCE_FLOOR, add: bool = False) -> Tensor:
    """The square root, finite with its gradient at 0; ``add``: of variance + floor, else of the larger one."""
    return (variance.clamp(min=0) + floor if add else variance.clamp(min=floor)).sqrt()


def statistics(
    frames: Tensor,
    weights: Tensor,
    unbiased: bool = False,
    floor: float = VARIANCE_FLOOR,
    add_floor: bool = False,
) -> Tensor:
    """Mean and standard deviation over time: ``(B, T, C)``, ``(B, T)`` -> ``(B, 2C)`` fp32.

    The variance is ``Σ w (x − mean)²``: ``Σ w x² − mean²`` loses its digits where the mean is large.

    Args:
        unbiased: multiply the variance of N equally weighted frames by N / (N − 1), as several toolkits do.
        floor, add_floor: as ``floor`` and ``add`` of :func:`standard_deviation`.
    """
    mean = weighted_mean(frames, weights)
    variance = weighted_mean((wide(frames) - mean[:, None]).square(), weights)
    if unbiased:
        count = (weights > 0).sum(dim=1, keepdim=True).to(variance.dtype)
        variance = variance * (count / (count - 1).clamp(min=1))
    return torch.cat([mean, standard_deviation(variance, floor, add_floor)], dim=1)


class Average(nn.Module):
    """The mean over time."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.output_dim = channels

    def forward(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        return weighted_mean(frames, frame_weights(frames, mask))


class Statistics(nn.Module):
    """Mean and standard deviation over time; ``unbiased``: the deviation of a sample, not of the population.

    The floor is that of :func:`standard_deviation`.
    """

    def __init__(
        self,
        channels: int,
        unbiased: bool = False,
        floor: float = VARIANCE_FLOOR,
        add_floor: bool = False,
    ) -> None:
        super().__init__()
        self.output_dim, self.deviation = 2 * channels, (unbiased, floor, add_floor)

    def forward(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        return statistics(frames, frame_weights(frames, mask), *self.deviation)


class SelfAttentive(nn.Module):
    """The mean over time weighted by ``softmax_t(v · x_t)``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.output_dim = channels
        self.score = nn.Linear(channels, 1, bias=False)  # a bias would cancel in the softmax

    def forward(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        score = wide(self.score(frames)[:, :, 0])
        if mask is not None:
            score = score.masked_fill(~mask, -torch.inf)
        return weighted_mean(frames, score.softmax(dim=1))


class AttentiveStatistics(nn.Module):
    """Channel- and context-dependent attentive statistics (Desplanques 2020, eq. 4 to 8).

        e_t = V tanh(BN(ReLU(W [x_t; mean; std] + b))) + k        a = softmax_t(e), for each channel
        mean' = Σ_t a_t x_t        std' = sqrt(Σ_t a_t (x_t − mean')²)

    ``W [x_t; mean; std] = W_x x_t + (W_mean mean + W_std std)``: the bracket is the same for all frames and is
    computed once per utterance, two thirds of the layer's work less than over concatenated copies.

    Args:
        affine: whether the attention's BatchNorm learns a scale and a shift.
        norm: whether there is a ReLU and that BatchNorm.
        tanh: whether there is a tanh after it.
        unbiased, floor, add_floor: of the context, as in :func:`statistics`; the floor is that of ``std'`` too.
    """

    def __init__(
        self,
        channels: int,
        bottleneck: int = 128,
        global_context: bool = True,
        affine: bool = False,
        norm: bool = True,
        unbiased: bool = False,
        floor: float = VARIANCE_FLOOR,
        add_floor: bool = False,
        tanh: bool = True,
    ) -> None:
        super().__init__()
        self.tanh = tanh
        self.output_dim, self.floor, self.deviation = 2 * channels, floor, (unbiased, floor, add_floor)
        self.hidden = nn.Linear(channels, bottleneck)
        self.context = nn.Linear(2 * channels, bottleneck, bias=False) if global_context else None
        self.norm = FrameNorm(bottleneck, affine=affine) if norm else None
        self.score = nn.Linear(bottleneck, channels)

    def forward(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        hidden = self.hidden(frames)
        if self.context is not None:
            context = statistics(frames, frame_weights(frames, mask), *self.deviation)
            hidden = hidden + self.context(context)[:, None]
        if self.norm is not None:
            hidden = self.norm(F.relu(hidden), mask)
        score = wide(self.score(torch.tanh(hidden) if self.tanh else hidden))
        if mask is not None:
            score = score.masked_fill(~mask[:, :, None], -torch.inf)
        weights = score.softmax(dim=1)
        frames = wide(frames)
        mean = (weights * frames).sum(dim=1)
        variance = (weights * (frames - mean[:, None]).square()).sum(dim=1)
        return torch.cat([mean, standard_deviation(variance, self.floor)], dim=1)


def build_pooling(conf: PoolingConf, channels: int, affine: bool = False) -> nn.Module:
    """The pooling of a conf over ``channels``; it has ``output_dim`` and ``forward(frames, mask)``."""
    deviation = (conf.unbiased, conf.floor, conf.add_floor)
    if conf.kind == "attentive_statistics":
        context, norm = conf.global_context, conf.attention_norm
        return AttentiveStatistics(channels, conf.bottleneck, context, affine, norm, *deviation)
    if conf.kind == "statistics":
        return Statistics(channels, *deviation)
    return {"average": Average, "self_attentive": SelfAttentive}[conf.kind](channels)
