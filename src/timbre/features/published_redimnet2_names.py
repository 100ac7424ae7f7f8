"""The authors' weights of ReDimNet2 under the names and in the layouts of ``timbre.models.redimnet2``.

    theirs                                              ours
    backbone.stem.0, .1, stem_gnorm                     stem.convolution, stem.norm, stem_norm
    backbone.stage<n>.0.w (1, N, C, 1)                  stages.<n>.aggregation.weight (N, C); of N = 1 nothing: its
                                                        softmax is 1, and it is not trained
    backbone.stage<n>.2                                 stages.<n>.reduction
    backbone.stage<n>.<3 + b>.conv_block                stages.<n>.blocks.<b>
      .conv1, .conv1pw, .bn1, .conv2, .conv2pw, .bn2      .first, .first_mix, .first_norm, .second, …
    backbone.stage<n>.<m>.0, .1                         stages.<n>.squeeze.mix, .norm
    backbone.stage<n>.<m>.red_dim_conv.0, .1            stages.<n>.context.enter, .enter_norm
      .tcm.<k>.dwconvs.0, .norm, .pwconv1                 .convolutions.<k>.convolution, .norm, .mix
      .tcm.4.attention.{q,k,v}_proj, .out_proj            .attention.inputs (the three one under the other), .output
      .tcm.4.layer_norm, .final_layer_norm                .attention_norm, .feed_forward_norm
      .tcm.4.feed_forward.intermediate_dense, .output_dense   .widen, .narrow
      .exp_dim_conv                                       .leave
    backbone.stage<n>.<m> (weight, bias)                stages.<n>.norm
    backbone.fin_wght1d.w                               aggregation.weight
    backbone.head                                       head
    pool.linear1 (H, 3C, 1)                             pooling.hidden (H, C) and pooling.context (H, 2C)
    pool.linear2, bn, linear                            pooling.score, pooling_norm, embedding

Their maps are (channels, bins, frames), ours (frames, bins, channels): kernels over both are transposed, 1 × 1
convolutions are linear layers, and the pooling's values stand in the other order.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from timbre.errors import TimbreError

_BLOCK = {
    "conv1": "first",
    "conv1pw": "first_mix",
    "bn1": "first_norm",
    "conv2": "second",
    "conv2pw": "second_mix",
    "bn2": "second_norm",
}
_CONTEXT = {
    "red_dim_conv.0": "enter",
    "red_dim_conv.1": "enter_norm",
    "tcm.4.attention.out_proj": "attention.output",
    "tcm.4.layer_norm": "attention_norm",
    "tcm.4.feed_forward.intermediate_dense": "widen",
    "tcm.4.feed_forward.output_dense": "narrow",
    "tcm.4.final_layer_norm": "feed_forward_norm",
    "exp_dim_conv": "leave",
    **{
        f"tcm.{index}.{theirs}": f"convolutions.{index}.{ours}"
        for index in range(4)
        for theirs, ours in (("dwconvs.0", "convolution"), ("norm", "norm"), ("pwconv1", "mix"))
    },
}
_WHOLE = {
    "backbone.stem.0": "stem.convolution",
    "backbone.stem.1": "stem.norm",
    "backbone.stem_gnorm": "stem_norm",
    "backbone.head": "head",
    "pool.linear2": "pooling.score",
    "bn": "pooling_norm",
    "linear": "embedding",
}
_PROJECTION = "tcm.4.attention.q_proj"
_POINTWISE = re.compile(r"_mix\.|\.mix\.|enter\.|leave\.|head\.|score\.")


def from_published(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The authors' ``state_dict`` (of ``ReDimNet2Wrap``) as that of ``timbre.models.redimnet2.Encoder``.

    What is under ``spec.``, their front-end, is left out.

    Raises:
        TimbreError: naming the weight that has no place here.
    """
    made: dict[str, Tensor] = {}
    shape = _last_map(weights)
    for key, value in weights.items():
        name, _, leaf = key.rpartition(".")
        if key.startswith("spec.") or re.search(r"attention\.[kv]_proj$", name):
            continue
        if leaf == "w":
            if value.shape[1] > 1:
                stage = re.fullmatch(r"backbone\.stage(\d+)\.0", name)
                place = f"stages.{stage[1]}.aggregation.weight" if stage else "aggregation.weight"
                made[place] = value[0, :, :, 0]
        elif name == "pool.linear1" and leaf == "weight":
            values = _bins_first(value[:, :, 0], 1, shape)
            split = [values.shape[1] // 3, values.shape[1] // 3 * 2]
            made["pooling.hidden.weight"], made["pooling.context.weight"] = values.split(split, dim=1)
        elif name == "pool.linear1":
            made["pooling.hidden.bias"] = value
        elif name.endswith(_PROJECTION):
            parts = [weights[key.replace("q_proj", f"{part}_proj")] for part in "qkv"]
            made[f"{_stage_name(name)}.{leaf}"] = torch.cat(parts)
        else:
            place = f"{_WHOLE.get(name) or _stage_name(name)}.{leaf}"
            made[place] = _laid_out(place, value)
    for place in [place for place in made if place.startswith(("pooling.score", "pooling_norm"))]:
        made[place] = _bins_first(made[place], 0, shape)
    made["embedding.weight"] = _bins_first(made["embedding.weight"], 1, shape)
    return made


def _last_map(weights: dict[str, Tensor]) -> tuple[int, int]:
    """Channels and bins of the map that is pooled: so many of each channel as make up the values of all."""
    if "backbone.head.weight" in weights:
        channels = weights["backbone.head.weight"].shape[0]
    else:
        channels = weights["backbone.stem.0.weight"].shape[0]
        for key, value in weights.items():
            if re.fullmatch(r"backbone\.stage\d+\.2\.weight", key):
                channels *= value.shape[2]  # the bins that its stage makes one of
    return channels, weights["pool.linear2.bias"].shape[0] // channels


def _bins_first(value: Tensor, dim: int, shape: tuple[int, int]) -> Tensor:
    """A weight over pooled values, one or several times (channels, bins) in ``dim``, over (bins, channels)."""
    if value.dim() == 0:  # BatchNorm's count of batches
        return value
    return value.unflatten(dim, (-1, *shape)).transpose(dim + 1, dim + 2).flatten(dim, dim + 2)


def _stage_name(name: str) -> str:
    """The place of a layer of a stage, ``backbone.stage<n>.<layer>…``."""
    found = re.fullmatch(r"backbone\.stage(\d+)\.(\d+)(?:\.(.+))?", name)
    if found:
        stage, layer, rest = f"stages.{found[1]}", int(found[2]), found[3] or ""
        if not rest:
            return f"{stage}.reduction" if layer == 2 else f"{stage}.norm"
        if rest in ("0", "1"):
            return f"{stage}.squeeze.{'norm' if rest == '1' else 'mix'}"
        if rest == _PROJECTION:
            return f"{stage}.context.attention.inputs"
        if rest in _CONTEXT:
            return f"{stage}.context.{_CONTEXT[rest]}"
        block, _, part = rest.partition(".")
        if block == "conv_block" and part in _BLOCK:
            return f"{stage}.blocks.{layer - 3}.{_BLOCK[part]}"
    raise TimbreError(f"ReDimNet2 has no weight {name!r}: not one of its sizes b0 to b3")


def _laid_out(place: str, value: Tensor) -> Tensor:
    """A weight as our layer has it: by its rank, and by whether the layer is linear here."""
    if _POINTWISE.search(place) and value.dim() > 2:
        return value.flatten(1)
    if value.dim() == 3 and ".convolution." in place:  # a convolution over time: of height 1
        return value[:, :, None]
    return value.transpose(2, 3) if value.dim() == 4 else value
