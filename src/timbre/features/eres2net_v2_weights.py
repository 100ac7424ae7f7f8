"""ERes2NetV2's weights as 3D-Speaker writes them.

Its maps are of frequency and time, here of time and frequency: kernels are turned. The pooled values are ordered
(channels, frequency), here (frequency, channels).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from timbre.errors import TimbreError
from timbre.features.conversion import Conversion, Family, maps_last, size

WIDTH_OF, FUSED, REDUCTION = 64, 2, 4
"""The channels that the base width is of; the first stage with fusions; how much narrower these are inside."""


def _sizes(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    stages = [set(), set(), set(), set()]
    for name in weights:
        if found := re.match(r"layer([1-4])\.(\d{1,3})\.conv3\.weight$", name):
            stages[int(found[1]) - 1].add(int(found[2]))
    blocks = tuple(map(len, stages))
    if 0 in blocks:
        raise TimbreError(f"without 'layer{1 + blocks.index(0)}.0.conv3.weight'")
    channels = size(weights, "conv1.weight", 0)
    expansion = size(weights, "layer1.0.conv3.weight", 0) // channels
    last = channels << 3
    return {
        "channels": channels,
        "base": -(-WIDTH_OF * size(weights, "layer4.0.convs.0.weight", 0) // last),
        "scale": sum(re.match(r"layer1\.0\.convs\.\d+\.weight$", name) is not None for name in weights),
        "expansion": expansion,
        "blocks": blocks,
        "bins": size(weights, "seg_1.weight", 1) // (2 * last * max(1, expansion)),
        "dim": size(weights, "seg_1.weight", 0),
    }


def _conf(bins: int, base: int, blocks: tuple[int, ...], dim: int, **sizes: int) -> dict[str, Any]:
    kind = {"kind": "eres2net_v2", "base_width": base, "blocks": list(blocks), "embedding_dim": dim}
    return kind | sizes


def _conversion(
    channels: int, base: int, scale: int, expansion: int, blocks: tuple[int, ...], bins: int, dim: int
) -> Conversion:
    done, inputs = Conversion(), channels
    done.map_convolution("conv1", "first", (channels, 1, 3, 3), turned=True)
    done.norm("bn1", "first_norm", channels)
    for stage, count in enumerate(blocks):
        width, outputs = (channels << stage) * base // WIDTH_OF, expansion * (channels << stage)
        for index in range(count):
            there, here = f"layer{stage + 1}.{index}", f"stages.{stage}.{index}"
            _block(done, there, here, inputs, width, outputs, scale)
            if stage >= FUSED:
                for number in range(scale - 1):
                    _fusion(done, f"{there}.fuse_models.{number}", f"{here}.fusions.{number}", width)
            if (stage and not index) or inputs != outputs:
                done.linear(f"{there}.shortcut.0", f"{here}.shortcut", (outputs, inputs), bias=False, trailing=2)
                done.norm(f"{there}.shortcut.1", f"{here}.shortcut_norm", outputs)
            inputs = outputs
    done.map_convolution("layer3_ds", "downsampling", (inputs, inputs // 2, 3, 3), turned=True)
    _fusion(done, "fuse34", "fusion", inputs)
    done.linear("seg_1", "embedding", (dim, 2 * inputs * bins), columns=maps_last(inputs, bins, 2))
    return done


def _block(done: Conversion, there: str, here: str, inputs: int, width: int, outputs: int, scale: int) -> None:
    grouped = scale * width
    done.linear(f"{there}.conv1", f"{here}.first", (grouped, inputs), bias=False, trailing=2)
    done.norm(f"{there}.bn1", f"{here}.first_norm", grouped)
    for group in range(scale):
        done.map_convolution(f"{there}.convs.{group}", f"{here}.groups.{group}", (width, width, 3, 3), turned=True)
        done.norm(f"{there}.bns.{group}", f"{here}.group_norms.{group}", width)
    done.linear(f"{there}.conv3", f"{here}.last", (outputs, grouped), bias=False, trailing=2)
    done.norm(f"{there}.bn3", f"{here}.last_norm", outputs)


def _fusion(done: Conversion, there: str, here: str, channels: int) -> None:
    hidden = channels // REDUCTION
    done.linear(f"{there}.local_att.0", f"{here}.squeeze", (hidden, 2 * channels), trailing=2)
    done.norm(f"{there}.local_att.1", f"{here}.squeeze_norm", hidden)
    done.linear(f"{there}.local_att.3", f"{here}.excite", (channels, hidden), trailing=2)
    done.norm(f"{there}.local_att.4", f"{here}.excite_norm", channels)


_EXAMPLE = {"channels": 64, "base": 26, "scale": 2, "expansion": 2, "blocks": (1, 1, 1, 1), "bins": 1, "dim": 1}
THREE_D_SPEAKER = Family("3D-Speaker's ERes2NetV2", ("ERes2NetV2",), _sizes, _conf, _conversion, _EXAMPLE)
