"""ResNets' weights as WeSpeaker and SpeechBrain write them, and 3D-Speaker, whose class is WeSpeaker's.

WeSpeaker's maps are of frequency and time, here of time and frequency: kernels are turned. Both order the pooled
values as (channels, frequency), here they are (frequency, channels).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from timbre.errors import TimbreError
from timbre.features.conversion import Conversion, Family, attention, maps_last, maps_last_rows, size

DEPTHS = {
    (2, 2, 2, 2): (18, 18),
    (3, 4, 6, 3): (34, 50),
    (3, 4, 23, 3): (0, 101),
    (3, 8, 36, 3): (0, 152),
    (6, 16, 48, 3): (0, 221),
    (10, 20, 64, 3): (0, 293),
}
"""By the blocks of each stage, the layers where these are two convolutions, or bottlenecks."""
EXPANSION = 4
ATTENTION, EXCITED = 128, 2
"""Of SpeechBrain: hidden units of the attention, and stages with squeeze and excitation."""


def _sizes(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    counts, bottleneck = _stages(weights), "layer1.0.conv3.weight" in weights
    depth = DEPTHS.get(counts, (0, 0))[bottleneck]
    if not depth or (depth == 18 and bottleneck):
        raise TimbreError(
            f"with {', '.join(map(str, counts))} blocks in layer1 to layer4, which no known depth has"
        )
    channels = size(weights, "conv1.weight", 0)
    width = channels * 8 * (EXPANSION if bottleneck else 1)
    attention = "pool.linear1.weight" in weights
    columns = size(weights, "seg_1.weight", 1)
    if columns % (2 * width):
        raise TimbreError(f"with another pooling than TSTP or ASTP ({columns} values of {width} channels)")
    pooled = columns // 2
    return {
        "depth": depth,
        "channels": channels,
        "bins": pooled // width,
        "dim": size(weights, "seg_1.weight", 0),
        "hidden": size(weights, "pool.linear1.weight", 0) if attention else 0,
        "context": attention and size(weights, "pool.linear1.weight", 1) == 3 * pooled,
        "second": "seg_2.weight" in weights,
    }


def _conf(
    depth: int, channels: int, bins: int, dim: int, hidden: int = 0, context: bool = False, second: bool = False
) -> dict[str, Any]:
    pooling: dict[str, Any] = {"kind": "statistics"}
    if hidden:
        pooling = {"kind": "attentive_statistics", "bottleneck": hidden, "global_context": context}
        pooling |= {"attention_norm": False}
    return {
        "kind": "resnet",
        "depth": depth,
        "channels": channels,
        "embedding_dim": dim,
        "second_segment_layer": second,
        "pooling": {**pooling, "unbiased": True, "add_floor": True, "floor": 1e-7},
    }


def _conversion(
    depth: int, channels: int, bins: int, dim: int, hidden: int = 0, context: bool = False, second: bool = False
) -> Conversion:
    done, bottleneck = Conversion(), depth >= 50
    counts = next(counts for counts, depths in DEPTHS.items() if depth in depths)
    done.map_convolution("conv1", "first", (channels, 1, 3, 3), turned=True)
    done.norm("bn1", "first_norm", channels)
    width, place = channels, 0
    for stage, count in enumerate(counts):
        inner = channels << stage
        outer = EXPANSION * inner if bottleneck else inner
        for index in range(count):
            there, here = f"layer{stage + 1}.{index}", f"blocks.{place}"
            _block(done, there, here, width, inner, outer)
            if (stage and not index) or width != outer:
                done.linear(f"{there}.shortcut.0", f"{here}.shortcut", (outer, width), bias=False, trailing=2)
                done.norm(f"{there}.shortcut.1", f"{here}.shortcut_norm", outer)
            width, place = outer, place + 1
    pooled = width * bins
    if hidden:
        attention(done, width, bins, hidden, context, ("pool.linear1", "pool.linear2"))
    done.linear("seg_1", "embedding", (dim, 2 * pooled), columns=maps_last(width, bins, 2))
    if second:
        done.norm("seg_bn_1", "segment_norm", dim, affine=False)
        done.linear("seg_2", "segment", (dim, dim))
    return done


def _block(done: Conversion, there: str, here: str, width: int, inner: int, outer: int) -> None:
    names = ("first", "second", "third") if inner != outer else ("first", "second")
    for number, name in enumerate(names, start=1):
        inputs = width if number == 1 else inner
        outputs = outer if number == len(names) else inner
        if len(names) == 3 and number != 2:
            done.linear(f"{there}.conv{number}", f"{here}.{name}", (outputs, inputs), bias=False, trailing=2)
        else:
            done.map_convolution(f"{there}.conv{number}", f"{here}.{name}", (outputs, inputs, 3, 3), turned=True)
        done.norm(f"{there}.bn{number}", f"{here}.{name}_norm", outputs)


def _stages(weights: Mapping[str, Tensor]) -> tuple[int, ...]:
    """The blocks of each of the four stages."""
    stages = [set(), set(), set(), set()]
    for name in weights:
        if found := re.match(r"layer([1-4])\.(\d{1,3})\.conv1\.weight$", name):
            stages[int(found[1]) - 1].add(int(found[2]))
    return tuple(map(len, stages))


def _speechbrain_sizes(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    blocks = _stages(weights)
    if 0 in blocks:
        raise TimbreError(f"without 'layer{1 + blocks.index(0)}.0.conv1.weight'")
    channels = tuple(size(weights, f"layer{stage}.0.conv1.weight", 0) for stage in (1, 2, 3, 4))
    return {
        "blocks": blocks,
        "channels": channels,
        "bins": size(weights, "attention.0.weight", 1) // channels[-1],
        "dim": size(weights, "fc_embed.weight", 0),
    }


def _speechbrain_conf(blocks: tuple[int, ...], channels: tuple[int, ...], bins: int, dim: int) -> dict[str, Any]:
    kind = {"kind": "preactivated_resnet", "channels": list(channels), "blocks": list(blocks)}
    return kind | {"embedding_dim": dim}


def _speechbrain(blocks: tuple[int, ...], channels: tuple[int, ...], bins: int, dim: int) -> Conversion:
    done, width, place = Conversion(), channels[0], 0
    done.map_convolution("conv1", "first", (width, 1, 3, 3), turned=False)
    done.norm("bn1", "first_norm", width)
    for stage, (outputs, count) in enumerate(zip(channels, blocks, strict=True)):
        for index in range(count):
            there, here = f"layer{stage + 1}.{index}", f"blocks.{place}"
            _preactivated(done, there, here, width, outputs, excited=stage < EXCITED)
            if (stage and not index) or width != outputs:
                done.linear(f"{there}.downsample.0", f"{here}.shortcut", (outputs, width), bias=False, trailing=2)
                done.norm(f"{there}.downsample.1", f"{here}.shortcut_norm", outputs)
            width, place = outputs, place + 1
    attention(done, width, bins, ATTENTION, context=False, names=("attention.0", "attention.3"))
    done.norm("attention.2", "pooling.norm", ATTENTION)
    done.norm("norm_stats", "pooling_norm", 2 * width * bins, rows=maps_last_rows(width, bins, 2))
    done.linear("fc_embed", "embedding", (dim, 2 * width * bins), columns=maps_last(width, bins, 2))
    done.norm("norm_embed", "embedding_norm", dim)
    return done


def _preactivated(done: Conversion, there: str, here: str, width: int, outputs: int, excited: bool) -> None:
    for number, name in enumerate(("first", "second", "third"), start=1):
        inputs = width if number == 1 else outputs
        done.norm(f"{there}.bn{number}", f"{here}.{name}_norm", inputs)
        if number < 3:
            done.map_convolution(f"{there}.conv{number}", f"{here}.{name}", (outputs, inputs, 3, 3), turned=False)
        else:
            done.linear(f"{there}.conv3", f"{here}.third", (outputs, inputs), bias=False, trailing=2)
    if excited:
        done.linear(f"{there}.se.fc.0", f"{here}.squeeze", (outputs, outputs))
        done.linear(f"{there}.se.fc.2", f"{here}.excite", (outputs, outputs))


def _three_d_speaker_conf(**sizes: Any) -> dict[str, Any]:
    conf = _conf(**sizes)
    return conf | {"pooling": conf["pooling"] | {"floor": 1e-8}}


_EXAMPLE = {"channels": 1, "bins": 1, "dim": 1}
WESPEAKER = Family("WeSpeaker's ResNet", ("ResNet",), _sizes, _conf, _conversion, {"depth": 18, **_EXAMPLE})
WESPEAKER_BOTTLENECK = Family(
    "WeSpeaker's ResNet of bottlenecks", ("ResNet",), _sizes, _conf, _conversion, {"depth": 50, **_EXAMPLE}
)
SPEECHBRAIN = Family(
    "SpeechBrain's ResNet",
    ("ResNet",),
    _speechbrain_sizes,
    _speechbrain_conf,
    _speechbrain,
    {"blocks": (1, 1, 1, 1), "channels": (1, 1, 1, 1), "bins": 1, "dim": 1},
)
THREE_D_SPEAKER = Family(
    "3D-Speaker's ResNet", ("ResNet",), _sizes, _three_d_speaker_conf, _conversion, {"depth": 18, **_EXAMPLE}
)
