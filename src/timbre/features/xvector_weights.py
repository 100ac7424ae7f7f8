"""x-vectors' weights as WeSpeaker and SpeechBrain write them.

WeSpeaker     Kaldi's network; the embedding is the second linear layer's output; deviations of a sample
SpeechBrain   mirrored frames beyond the ends; leaky ReLUs; BatchNorm with scale and shift; one linear layer. Its
              pooling adds noise to the mean, between 1e-5 and 9e-5 and new each time, and 1e-5 to the deviation.
              Here the noise is its mean, 5e-5: both are put into the linear layer's bias.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from timbre.errors import TimbreError
from timbre.features.conversion import Conversion, Family, size

KERNELS = (5, 3, 3, 1, 1)
NOISE, ADDED = 5e-5, 1e-5
"""The mean of SpeechBrain's noise on the mean, and what it adds to the deviation."""


def _frame_layers(
    done: Conversion, names: str, norms: str, channels: int, bins: int, pooled: int, affine: bool
) -> None:
    widths = [bins, channels, channels, channels, channels, pooled]
    for layer, kernel in enumerate(KERNELS):
        shape, ours = (widths[layer + 1], widths[layer], kernel), f"frame_layers.{layer}"
        done.convolution(names.format(layer + 1, 3 * layer), f"{ours}.convolution", shape)
        done.norm(norms.format(layer + 1, 3 * layer + 2), f"{ours}.norm", shape[0], affine=affine)


def _wespeaker_sizes(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    pooled = size(weights, "frame_5.conv_1d.weight", 0)
    if (columns := size(weights, "seg_1.weight", 1)) != 2 * pooled or "pool.linear1.weight" in weights:
        raise TimbreError(f"with another pooling than TSTP ({columns} values of {pooled} channels)")
    return {
        "channels": size(weights, "frame_1.conv_1d.weight", 0),
        "bins": size(weights, "frame_1.conv_1d.weight", 1),
        "pooled": pooled,
        "dim": size(weights, "seg_1.weight", 0),
    }


def _wespeaker_conf(channels: int, bins: int, pooled: int, dim: int) -> dict[str, Any]:
    return {
        "kind": "xvector",
        "channels": channels,
        "pooling_channels": pooled,
        "embedding_dim": dim,
        "second_segment_layer": True,
        "embedding": "second",
        "pooling": {"kind": "statistics", "unbiased": True, "add_floor": True, "floor": 1e-7},
    }


def _wespeaker(channels: int, bins: int, pooled: int, dim: int) -> Conversion:
    done = Conversion()
    _frame_layers(done, "frame_{}.conv_1d", "frame_{}.bn", channels, bins, pooled, affine=False)
    done.linear("seg_1", "embedding", (dim, 2 * pooled))
    done.norm("seg_bn_1", "segment_norm", dim, affine=False)
    done.linear("seg_2", "segment", (dim, dim))
    return done


def _three_d_speaker_conf(channels: int, bins: int, pooled: int, dim: int) -> dict[str, Any]:
    return {
        "kind": "xvector",
        "channels": channels,
        "pooling_channels": pooled,
        "embedding_dim": dim,
        "pooling": {"kind": "statistics", "unbiased": True, "add_floor": True, "floor": 1e-8},
    }


def _three_d_speaker(channels: int, bins: int, pooled: int, dim: int) -> Conversion:
    done = Conversion()
    _frame_layers(done, "frame_{}.conv_1d", "frame_{}.bn", channels, bins, pooled, affine=False)
    done.linear("seg_1", "embedding", (dim, 2 * pooled))
    return done


def _speechbrain_sizes(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    return {
        "channels": size(weights, "blocks.0.conv.weight", 0),
        "bins": size(weights, "blocks.0.conv.weight", 1),
        "pooled": size(weights, "blocks.12.conv.weight", 0),
        "dim": size(weights, "blocks.16.w.weight", 0),
    }


def _speechbrain_conf(channels: int, bins: int, pooled: int, dim: int) -> dict[str, Any]:
    return {
        "kind": "xvector",
        "channels": channels,
        "pooling_channels": pooled,
        "embedding_dim": dim,
        "padding": "reflect",
        "slope": 0.01,
        "norm_affine": True,
        "pooling": {"kind": "statistics", "unbiased": True, "floor": 1e-12},
    }


def _speechbrain(channels: int, bins: int, pooled: int, dim: int) -> Conversion:
    done = Conversion()
    _frame_layers(done, "blocks.{1}.conv", "blocks.{1}.norm", channels, bins, pooled, affine=True)
    done.linear("blocks.16.w", "embedding", (dim, 2 * pooled))

    def finish(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
        weight = ours["embedding.weight"]
        moved = NOISE * weight[:, :pooled].sum(dim=1) + ADDED * weight[:, pooled:].sum(dim=1)
        ours["embedding.bias"] = ours["embedding.bias"] + moved

    done.finish = finish
    return done


_EXAMPLE = {"channels": 1, "bins": 1, "pooled": 1, "dim": 1}
WESPEAKER = Family("WeSpeaker's x-vector", ("XVEC",), _wespeaker_sizes, _wespeaker_conf, _wespeaker, _EXAMPLE)
SPEECHBRAIN = Family(
    "SpeechBrain's x-vector", ("Xvector",), _speechbrain_sizes, _speechbrain_conf, _speechbrain, _EXAMPLE
)
THREE_D_SPEAKER = Family(
    "3D-Speaker's x-vector",
    ("Xvector",),
    _wespeaker_sizes,
    _three_d_speaker_conf,
    _three_d_speaker,
    _EXAMPLE,
    never=("seg_2.weight",),
)
