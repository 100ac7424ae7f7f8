"""ECAPA-TDNN's weights as WeSpeaker writes them, and as SpeechBrain does, from which 3D-Speaker's class is.

They differ from the paper's network in this way:

    WeSpeaker     a block's last eighth of channels is the one that passes unchanged, here the first: channels are
                  rolled; tanh alone in the attention, whose context has the deviation of a sample; a BatchNorm
                  after the embedding, if any, has a scale and a shift, and is put into the layer before
    SpeechBrain   mirrored frames beyond the ends; BatchNorm after the aggregation; none after the embedding
    both          a block's input is the last output alone
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from timbre.features.conversion import Conversion, Family, fold_norm, norm_shapes, size

SCALE, SQUEEZED, BLOCKS = 8, 128, 3
_EXAMPLE = {"channels": SCALE, "bins": 1, "aggregated": 1, "dim": 1, "hidden": 1, "context": False}


def _conf(channels: int, aggregated: int, dim: int, hidden: int, context: bool, pooling: dict) -> dict[str, Any]:
    return {
        "kind": "ecapa_tdnn",
        "channels": channels,
        "aggregation_channels": aggregated,
        "embedding_dim": dim,
        "dense_residual": False,
        "embedding_norm": False,
        "pooling": {"bottleneck": hidden, "global_context": context, **pooling},
    }


def _pooling(done: Conversion, first: str, second: str, aggregated: int, hidden: int, context: bool) -> None:
    """The attention; with ``context`` its first layer sees a frame, the mean and the deviation, in this order."""
    name, columns = f"{first}.weight", 3 * aggregated if context else aggregated
    shape = (hidden, columns, 1)
    done.add(name, "pooling.hidden.weight", shape, (hidden, aggregated), lambda weight: weight[:, :aggregated])
    if context:
        here = (hidden, 2 * aggregated)
        done.add(name, "pooling.context.weight", shape, here, lambda weight: weight[:, aggregated:])
    done.add(f"{first}.bias", "pooling.hidden.bias", (hidden,))
    done.linear(second, "pooling.score", (aggregated, hidden), trailing=1)


def _wespeaker_sizes(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    aggregated = size(weights, "conv.weight", 0)
    return {
        "channels": size(weights, "layer1.conv.weight", 0),
        "bins": size(weights, "layer1.conv.weight", 1),
        "aggregated": aggregated,
        "dim": size(weights, "linear.weight", 0),
        "hidden": size(weights, "pool.linear1.weight", 0),
        "context": size(weights, "pool.linear1.weight", 1) == 3 * aggregated,
        "normed": "bn2.weight" in weights,
    }


def _wespeaker_conf(bins: int, normed: bool = False, **sizes: Any) -> dict[str, Any]:
    pooling = {"attention_norm": False, "unbiased": True, "add_floor": True, "floor": 1e-7}
    return _conf(**sizes, pooling=pooling)


def _wespeaker(
    channels: int, bins: int, aggregated: int, dim: int, hidden: int, context: bool, normed: bool = False
) -> Conversion:
    done, width = Conversion(), channels // SCALE

    def rows(weight: Tensor) -> Tensor:
        return weight.roll(width, 0)

    def columns(weight: Tensor) -> Tensor:
        return weight.roll(width, 1)

    done.convolution("layer1.conv", "first.convolution", (channels, bins, 5))
    done.norm("layer1.bn", "first.norm", channels)
    for block in range(BLOCKS):
        there, here = f"layer{block + 2}.se_res2block", f"blocks.{block}"
        square = (channels, channels, 1)
        done.convolution(f"{there}.0.conv", f"{here}.enter.convolution", square, rows=rows)
        done.norm(f"{there}.0.bn", f"{here}.enter.norm", channels, rows=rows)
        for group in range(SCALE - 1):
            ours = f"{here}.res2.groups.{group}"
            done.convolution(f"{there}.1.convs.{group}", f"{ours}.convolution", (width, width, 3))
            done.norm(f"{there}.1.bns.{group}", f"{ours}.norm", width)
        done.convolution(f"{there}.2.conv", f"{here}.leave.convolution", square, columns=columns)
        done.norm(f"{there}.2.bn", f"{here}.leave.norm", channels)
        done.linear(f"{there}.3.linear1", f"{here}.excitation.squeeze", (SQUEEZED, channels))
        done.linear(f"{there}.3.linear2", f"{here}.excitation.excite", (channels, SQUEEZED))
    done.convolution("conv", "aggregation", (aggregated, BLOCKS * channels, 1))
    _pooling(done, "pool.linear1", "pool.linear2", aggregated, hidden, context)
    done.norm("bn", "pooling_norm", 2 * aggregated)
    done.linear("linear", "embedding", (dim, 2 * aggregated))
    if normed:
        done.shapes |= norm_shapes("bn2", dim)
        done.finish = lambda ours, theirs: fold_norm(ours, theirs, "embedding", "bn2")
    return done


def _speechbrain_sizes(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    aggregated = size(weights, "mfa.conv.conv.weight", 0)
    return {
        "channels": size(weights, "blocks.0.conv.conv.weight", 0),
        "bins": size(weights, "blocks.0.conv.conv.weight", 1),
        "aggregated": aggregated,
        "dim": size(weights, "fc.conv.weight", 0),
        "hidden": size(weights, "asp.tdnn.conv.conv.weight", 0),
        "context": size(weights, "asp.tdnn.conv.conv.weight", 1) == 3 * aggregated,
    }


def _speechbrain_conf(bins: int, **sizes: Any) -> dict[str, Any]:
    conf = _conf(**sizes, pooling={"floor": 1e-12})
    return conf | {"aggregation_norm": True, "padding": "reflect"}


def _speechbrain(channels: int, bins: int, aggregated: int, dim: int, hidden: int, context: bool) -> Conversion:
    done, width = Conversion(), channels // SCALE

    def tdnn(there: str, here: str, shape: tuple[int, int, int]) -> None:
        done.convolution(f"{there}.conv.conv", f"{here}.convolution", shape)
        done.norm(f"{there}.norm.norm", f"{here}.norm", shape[0])

    tdnn("blocks.0", "first", (channels, bins, 5))
    for block in range(BLOCKS):
        there, here = f"blocks.{block + 1}", f"blocks.{block}"
        tdnn(f"{there}.tdnn1", f"{here}.enter", (channels, channels, 1))
        for group in range(SCALE - 1):
            tdnn(f"{there}.res2net_block.blocks.{group}", f"{here}.res2.groups.{group}", (width, width, 3))
        tdnn(f"{there}.tdnn2", f"{here}.leave", (channels, channels, 1))
        excitation = f"{here}.excitation"
        done.linear(f"{there}.se_block.conv1.conv", f"{excitation}.squeeze", (SQUEEZED, channels), trailing=1)
        done.linear(f"{there}.se_block.conv2.conv", f"{excitation}.excite", (channels, SQUEEZED), trailing=1)
    done.convolution("mfa.conv.conv", "aggregation", (aggregated, BLOCKS * channels, 1))
    done.norm("mfa.norm.norm", "aggregation_norm", aggregated)
    _pooling(done, "asp.tdnn.conv.conv", "asp.conv.conv", aggregated, hidden, context)
    done.norm("asp.tdnn.norm.norm", "pooling.norm", hidden)
    done.norm("asp_bn.norm", "pooling_norm", 2 * aggregated)
    done.linear("fc.conv", "embedding", (dim, 2 * aggregated), trailing=1)
    return done


WESPEAKER = Family(
    "WeSpeaker's ECAPA-TDNN", ("ECAPA_TDNN",), _wespeaker_sizes, _wespeaker_conf, _wespeaker, _EXAMPLE
)
SPEECHBRAIN = Family(
    "SpeechBrain's ECAPA-TDNN", ("ECAPA_TDNN",), _speechbrain_sizes, _speechbrain_conf, _speechbrain, _EXAMPLE
)
THREE_D_SPEAKER = Family(
    "3D-Speaker's ECAPA-TDNN", ("ECAPA_TDNN",), _speechbrain_sizes, _speechbrain_conf, _speechbrain, _EXAMPLE
)
