"""CAM++'s weights as 3D-Speaker writes them, and WeSpeaker, whose class is made from it.

Their maps are of frequency and time, here of time and frequency: kernels are turned. What the head gives is ordered
(channels, frequency), here (frequency, channels). They differ in the pooled deviation alone: WeSpeaker adds 1e-7 to
the variance.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from timbre.errors import TimbreError
from timbre.features.conversion import Conversion, Family, size

_HEAD = (("layer1.0", True), ("layer1.1", False), ("layer2.0", True), ("layer2.1", False))
"""The head's blocks, and whether they have a stride over frequency, and so a shortcut."""


def _sizes(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    counts = [set(), set(), set()]
    for name in weights:
        if found := re.match(r"xvector\.block([1-3])\.tdnnd(\d{1,3})\.linear1\.weight$", name):
            counts[int(found[1]) - 1].add(int(found[2]))
    layers = tuple(map(len, counts))
    if 0 in layers:
        raise TimbreError(f"without 'xvector.block{1 + layers.index(0)}.tdnnd1.linear1.weight'")
    head, first = size(weights, "head.conv1.weight", 0), "xvector.block1.tdnnd1"
    return {
        "head": head,
        "bins": size(weights, "xvector.tdnn.linear.weight", 1) // head,
        "channels": size(weights, "xvector.tdnn.linear.weight", 0),
        "growth": size(weights, f"{first}.cam_layer.linear_local.weight", 0),
        "bottleneck": size(weights, f"{first}.linear1.weight", 0),
        "layers": layers,
        "dim": size(weights, "xvector.dense.linear.weight", 0),
    }


def _conf(pooling: dict[str, Any], head: int, bins: int, dim: int, layers: tuple[int, ...], **sizes: int) -> dict:
    kind = {"kind": "campplus", "head_channels": head, "layers": list(layers), "embedding_dim": dim}
    return {**kind, **sizes, "pooling": pooling}


def _three_d_speaker_conf(**sizes: Any) -> dict[str, Any]:
    return _conf({}, **sizes)


def _wespeaker_conf(**sizes: Any) -> dict[str, Any]:
    return _conf({"floor": 1e-7, "add_floor": True}, **sizes)


def _conversion(
    head: int, bins: int, channels: int, growth: int, bottleneck: int, layers: tuple[int, ...], dim: int
) -> Conversion:
    done, width = Conversion(), channels
    _head(done, head)

    def columns(weight: Tensor) -> Tensor:
        return weight.reshape(channels, head, bins, -1).transpose(1, 2).reshape(weight.shape)

    shape = (channels, head * bins, 5)
    done.convolution("xvector.tdnn.linear", "tdnn", shape, bias=False, columns=columns)
    done.norm("xvector.tdnn.nonlinear.batchnorm", "tdnn_norm", channels)
    for block, count in enumerate(layers):
        for layer in range(count):
            there, here = f"xvector.block{block + 1}.tdnnd{layer + 1}", f"blocks.{block}.layers.{layer}"
            _dense_layer(done, there, here, width, growth, bottleneck)
            width += growth
        there, here = f"xvector.transit{block + 1}", f"blocks.{block}.transit"
        done.norm(f"{there}.nonlinear.batchnorm", f"{here}.norm", width)
        done.linear(f"{there}.linear", f"{here}.linear", (width // 2, width), bias=False, trailing=1)
        width //= 2
    done.norm("xvector.out_nonlinear.batchnorm", "norm", width)
    done.linear("xvector.dense.linear", "embedding", (dim, 2 * width), bias=False, trailing=1)
    done.norm("xvector.dense.nonlinear.batchnorm", "embedding_norm", dim, affine=False)
    return done


def _head(done: Conversion, width: int) -> None:
    square = (width, width, 3, 3)
    done.map_convolution("head.conv1", "head.first", (width, 1, 3, 3), turned=True)
    done.norm("head.bn1", "head.first_norm", width)
    for place, (name, strided) in enumerate(_HEAD):
        there, here = f"head.{name}", f"head.blocks.{place}"
        for number, ours in enumerate(("first", "second"), start=1):
            done.map_convolution(f"{there}.conv{number}", f"{here}.{ours}", square, turned=True)
            done.norm(f"{there}.bn{number}", f"{here}.{ours}_norm", width)
        if strided:
            done.linear(f"{there}.shortcut.0", f"{here}.shortcut", (width, width), bias=False, trailing=2)
            done.norm(f"{there}.shortcut.1", f"{here}.shortcut_norm", width)
    done.map_convolution("head.conv2", "head.last", square, turned=True)
    done.norm("head.bn2", "head.last_norm", width)


def _dense_layer(done: Conversion, there: str, here: str, width: int, growth: int, bottleneck: int) -> None:
    half, mask = bottleneck // 2, f"{there}.cam_layer"
    done.norm(f"{there}.nonlinear1.batchnorm", f"{here}.enter.norm", width)
    done.linear(f"{there}.linear1", f"{here}.enter.linear", (bottleneck, width), bias=False, trailing=1)
    done.norm(f"{there}.nonlinear2.batchnorm", f"{here}.norm", bottleneck)
    done.convolution(f"{mask}.linear_local", f"{here}.local", (growth, bottleneck, 3), bias=False)
    done.linear(f"{mask}.linear1", f"{here}.squeeze", (half, bottleneck), trailing=1)
    done.linear(f"{mask}.linear2", f"{here}.excite", (growth, half), trailing=1)


_EXAMPLE = {"head": 1, "bins": 1, "channels": 1, "growth": 1, "bottleneck": 2, "layers": (1, 1, 1), "dim": 1}
WESPEAKER = Family("WeSpeaker's CAM++", ("CAMPPlus",), _sizes, _wespeaker_conf, _conversion, _EXAMPLE)
THREE_D_SPEAKER = Family("3D-Speaker's CAM++", ("CAMPPlus",), _sizes, _three_d_speaker_conf, _conversion, _EXAMPLE)
