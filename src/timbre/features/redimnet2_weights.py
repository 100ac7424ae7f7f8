"""ReDimNet2's weights as its authors write them, and WeSpeaker, whose class is made from theirs.

    theirs                                              ours
    backbone.stem.0, .1, stem_gnorm                     stem.convolution, stem.norm, stem_norm
    backbone.stage<n>.0.w (1, N, C, 1)                  stages.<n>.aggregation.weight (N, C); of N = 1 nothing: its
                                                        softmax is 1, and it is not trained
    backbone.stage<n>.2, .<3 + b>.conv_block            stages.<n>.reduction, .blocks.<b>
    backbone.stage<n>.<m>.0, .1                         stages.<n>.squeeze, where blocks are wider than the stage
    backbone.stage<n>.<m>.red_dim_conv, .tcm, …         stages.<n>.context
    backbone.fin_wght1d.w, .head                        aggregation.weight, head
    pool, bn, linear                                    pooling, pooling_norm, embedding

Their maps are of frequency and time, here of time and frequency: kernels are turned. The pooled values are ordered
(channels, frequency), here (frequency, channels).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from timbre.errors import TimbreError
from timbre.features.conversion import Conversion, Family, attention, maps_last, maps_last_rows, size

KERNELS, BOTTLENECK = (7, 19, 31, 59), 128
_LARGEST_STAGES = 20


@dataclass(frozen=True)
class Stage:
    """Sizes of a stage: as the conf's, and the hidden channels of its convolutions over time."""

    bins: int
    frames: int
    blocks: int
    expansion: int
    hidden: int


def _sizes(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    channels = size(weights, "backbone.stem.0.weight", 0)
    values = size(weights, "backbone.stem_gnorm.weight", 0)
    stages, width, stride = [], channels, 1
    while f"backbone.stage{len(stages)}.2.weight" in weights and len(stages) < _LARGEST_STAGES:
        name = f"backbone.stage{len(stages)}"
        outputs, bins, frames = (size(weights, f"{name}.2.weight", dim) for dim in (0, 2, 3))
        width *= bins
        if outputs % width or frames % stride:
            raise TimbreError(
                f"'{name}.2.weight' has {outputs} channels, {width} of the stage, and {frames} frames"
            )
        blocks = sum(
            re.match(rf"{re.escape(name)}\.\d+\.conv_block\.conv1\.weight$", key) is not None for key in weights
        )
        context = 4 + blocks + (outputs > width)
        hidden = size(weights, f"{name}.{context}.red_dim_conv.0.weight", 0)
        stages.append(Stage(bins, frames // stride, blocks, outputs // width, hidden))
        stride = frames
    if not stages:
        raise TimbreError("without 'backbone.stage0.2.weight'")
    return {
        "channels": channels,
        "bins": values // channels,
        "stages": tuple(stages),
        "head": size(weights, "backbone.head.weight", 0) if "backbone.head.weight" in weights else 0,
        "dim": size(weights, "linear.weight", 0),
    }


def _conf(channels: int, bins: int, stages: tuple[Stage, ...], head: int, dim: int) -> dict[str, Any]:
    return {
        "kind": "redimnet2",
        "channels": channels,
        "stages": [
            {
                "bins": stage.bins,
                "frames": stage.frames,
                "blocks": stage.blocks,
                "expansion": stage.expansion,
                "reduction": channels * bins // stage.hidden,
            }
            for stage in stages
        ],
        "head": head,
        "embedding_dim": dim,
    }


def _conversion(channels: int, bins: int, stages: tuple[Stage, ...], head: int, dim: int) -> Conversion:
    done, values = Conversion(), channels * bins
    done.map_convolution("backbone.stem.0", "stem.convolution", (channels, 1, 3, 3), turned=True, bias=True)
    _scaled(done, "backbone.stem.1", "stem.norm", channels)
    _scaled(done, "backbone.stem_gnorm", "stem_norm", values)
    width, left, stride = channels, bins, 1
    for number, stage in enumerate(stages):
        there, here = f"backbone.stage{number}", f"stages.{number}"
        if number:
            _aggregation(done, f"{there}.0.w", here + ".aggregation", number + 1, values)
        else:
            done.shapes[f"{there}.0.w"] = (1, 1, values, 1)
        stride, inner = stride * stage.frames, width * stage.bins * stage.expansion
        kernel = (inner, 1, stage.bins, stride)
        turned = (inner, 1, stride, stage.bins)
        done.add(
            f"{there}.2.weight", f"{here}.reduction.weight", kernel, turned, lambda weight: weight.transpose(2, 3)
        )
        done.add(f"{there}.2.bias", f"{here}.reduction.bias", (inner,))
        width, left = width * stage.bins, left // stage.bins
        for block in range(stage.blocks):
            _block(done, f"{there}.{3 + block}.conv_block", f"{here}.blocks.{block}", inner)
        place = 3 + stage.blocks
        if stage.expansion > 1:
            done.linear(f"{there}.{place}.0", f"{here}.squeeze.mix", (width, inner), trailing=2)
            done.norm(f"{there}.{place}.1", f"{here}.squeeze.norm", width)
            place += 1
        _context(done, f"{there}.{place + 1}", f"{here}.context", values, stage.hidden)
        _scaled(done, f"{there}.{place + 3}", f"{here}.norm", values)
    _aggregation(done, "backbone.fin_wght1d.w", "aggregation", len(stages) + 1, values)
    if head:
        done.linear("backbone.head", "head", (head, width), trailing=2)
        width = head
    attention(done, width, left, BOTTLENECK, context=True, names=("pool.linear1", "pool.linear2"))
    done.norm("bn", "pooling_norm", 2 * width * left, rows=maps_last_rows(width, left, 2))
    done.linear("linear", "embedding", (dim, 2 * width * left), columns=maps_last(width, left, 2))
    done.finish = _join_projections
    return done


def _scaled(done: Conversion, there: str, here: str, channels: int) -> None:
    """A norm without statistics."""
    for name in ("weight", "bias"):
        done.add(f"{there}.{name}", f"{here}.{name}", (channels,))


def _aggregation(done: Conversion, there: str, here: str, outputs: int, values: int) -> None:
    done.add(there, f"{here}.weight", (1, outputs, values, 1), (outputs, values))


def _block(done: Conversion, there: str, here: str, channels: int) -> None:
    for number, name in enumerate(("first", "second"), start=1):
        done.map_convolution(f"{there}.conv{number}", f"{here}.{name}", (channels, 1, 3, 3), turned=True)
        done.linear(f"{there}.conv{number}pw", f"{here}.{name}_mix", (channels, channels), trailing=2)
        done.norm(f"{there}.bn{number}", f"{here}.{name}_norm", channels)


def _context(done: Conversion, there: str, here: str, values: int, hidden: int) -> None:
    square = (hidden, hidden)
    done.linear(f"{there}.red_dim_conv.0", f"{here}.enter", (hidden, values), trailing=1)
    _scaled(done, f"{there}.red_dim_conv.1", f"{here}.enter_norm", hidden)
    for index, kernel in enumerate(KERNELS):
        theirs, ours = f"{there}.tcm.{index}", f"{here}.convolutions.{index}"
        done.convolution(f"{theirs}.dwconvs.0", f"{ours}.convolution", (hidden, 1, kernel))
        done.norm(f"{theirs}.norm", f"{ours}.norm", hidden)
        done.linear(f"{theirs}.pwconv1", f"{ours}.mix", square, trailing=1)
    layer = f"{there}.tcm.{len(KERNELS)}"
    for part in "qkv":  # joined at the end
        done.linear(f"{layer}.attention.{part}_proj", f"{here}.attention.inputs.{part}", square)
    done.linear(f"{layer}.attention.out_proj", f"{here}.attention.output", square)
    _scaled(done, f"{layer}.layer_norm", f"{here}.attention_norm", hidden)
    done.linear(f"{layer}.feed_forward.intermediate_dense", f"{here}.widen", square)
    done.linear(f"{layer}.feed_forward.output_dense", f"{here}.narrow", square)
    _scaled(done, f"{layer}.final_layer_norm", f"{here}.feed_forward_norm", hidden)
    done.linear(f"{there}.exp_dim_conv", f"{here}.leave", (values, hidden), trailing=1)


def _join_projections(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    """Queries, keys and values are one layer here."""
    for name in [name for name in ours if ".inputs.q." in name]:
        parts = [ours.pop(name.replace(".q.", f".{part}.")) for part in "qkv"]
        ours[name.replace(".q.", ".")] = torch.cat(parts)


_EXAMPLE = {"channels": 4, "bins": 1, "stages": (Stage(1, 1, 1, 1, 4),), "head": 0, "dim": 1}
_MARKS = (
    "backbone.stem.0.weight",
    "backbone.stem.1.weight",
    "backbone.stem_gnorm.weight",
    "backbone.stage0.0.w",
    "backbone.stage0.2.weight",
    "backbone.fin_wght1d.w",
    "pool.linear1.weight",
    "linear.weight",
)
AUTHORS = Family("ReDimNet2", ("ReDimNet2",), _sizes, _conf, _conversion, _EXAMPLE, _MARKS)
WESPEAKER = Family("WeSpeaker's ReDimNet2", ("ReDimNet2",), _sizes, _conf, _conversion, _EXAMPLE, _MARKS)
