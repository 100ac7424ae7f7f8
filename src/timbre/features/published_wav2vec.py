"""fairseq's checkpoints of wav2vec (v1): ``wav2vec_large.pt`` and others of its kind.

    checkpoint            args: Namespace (older) or cfg: {model: …}, with conv_feature_layers, log_compression …
                          model: weights by name
    feature_extractor.conv_layers.<i>.{0,2}    convolution without bias; norm
    feature_aggregator.conv_layers.<i>.{1,3}   convolution behind a padding; norm
    feature_aggregator.residual_proj.<i>       where the sizes before and after a skip connection differ
    wav2vec_predictions.project_to_steps       of training alone, and left out

What is missing in ``args`` has the value of fairseq's first architecture ``wav2vec``, in ``cfg`` that of its later
dataclass.
"""

from __future__ import annotations

import ast
from argparse import Namespace
from typing import Any

from timbre.conf import build
from timbre.errors import TimbreError, some
from timbre.features import raw
from timbre.features.checkpoint import Shape, checked
from timbre.features.front_end import InputConf
from timbre.features.wav2vec_network import Network, NetworkConf

LICENCE = "MIT"
SOURCE = "https://github.com/facebookresearch/fairseq/tree/main/examples/wav2vec"
SAFE_GLOBALS = [Namespace]
"""What a checkpoint holds beside tensors and plain data, to be read as data too."""

_ENCODER = "[(512, 10, 5), (512, 8, 4)] + [(512, 4, 2)] * 3"
_ARGS = {  # what an older checkpoint means by saying nothing
    "conv_feature_layers": _ENCODER,
    "conv_aggregator_layers": "[(512, 3, 1)] * 9",
    "skip_connections_agg": False,
    "log_compression": False,
}
_CFG = {  # and a later one
    "conv_feature_layers": f"{_ENCODER} + [(512, 1, 1)] * 3",
    "conv_aggregator_layers": str([(512, kernel, 1) for kernel in range(2, 14)]),
    "skip_connections_agg": True,
    "log_compression": True,
}
_ONLY = {  # options that this network has no other value for
    "aggregator": "cnn",
    "activation": "relu",
    "vq_type": "none",
    "residual_scale": 0.5,
    "skip_connections_feat": False,
    "agg_zero_pad": False,
    "no_conv_bias": False,
    "non_affine_group_norm": False,
}
_OF_TRAINING = "wav2vec_predictions."


def recognises(checkpoint: object) -> bool:
    """Whether it is a checkpoint of this layout, by its keys."""
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("model"), dict):
        return False
    return {"feature_extractor.conv_layers.0.0.weight", "feature_aggregator.conv_layers.0.1.weight"} <= set(
        checkpoint["model"]
    )


def convert(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint as what training writes into ``final.pt``.

    Raises:
        TimbreError: naming options of another network, and weights that are missing, superfluous or of another
            shape.
    """
    conf = _conf(checkpoint)
    given = {name: value for name, value in checkpoint["model"].items() if not name.startswith(_OF_TRAINING)}
    layout = {_published(name): (name, weight.shape) for name, weight in Network(conf).state_dict().items()}
    weights = checked(given, {name: _published_shape(shape) for name, (_, shape) in layout.items()}, "wav2vec")
    features = raw.Conf(frame_length=10, frame_shift=10)
    return {
        "format": "timbre-1",
        "conf": {
            "task": "self_supervised",
            "features": features.model_dump(mode="json"),
            "input": InputConf(cmvn="none").model_dump(mode="json"),
            "encoder": {"kind": "wav2vec", **conf.model_dump(mode="json")},
            "loss": {"kind": "contrastive"},
        },
        "classes": [],
        "backend": {},
        "encoder": {f"network.{ours}": weights[name].reshape(shape) for name, (ours, shape) in layout.items()},
    }


def _conf(checkpoint: dict[str, Any]) -> NetworkConf:
    """The sizes that its options tell."""
    args, cfg = checkpoint.get("args"), checkpoint.get("cfg")
    options = cfg.get("model") if isinstance(cfg, dict) else args
    options = vars(options) if isinstance(options, Namespace) else options
    if not isinstance(options, dict):
        raise TimbreError("neither args nor cfg.model tell the sizes of the network")
    options = (_CFG if isinstance(cfg, dict) else _ARGS) | _ONLY | options
    if other := [f"{name}={options[name]}" for name, only in _ONLY.items() if options[name] not in (only, None)]:
        raise TimbreError(f"a wav2vec of another kind, which is not known here: {some(other)}")
    encoder, context = (_layers(name, options[name]) for name in ("conv_feature_layers", "conv_aggregator_layers"))
    if any(stride != 1 for _, _, stride in context):
        raise TimbreError(f"conv_aggregator_layers: strides are not known here: {context}")
    return build(
        NetworkConf,
        {
            "channels": encoder[0][0],
            "kernels": tuple(kernel for _, kernel, _ in encoder),
            "strides": tuple(stride for _, _, stride in encoder),
            "context_channels": context[0][0],
            "context_kernels": tuple(kernel for _, kernel, _ in context),
            "context_skip": options["skip_connections_agg"],
            "log_compression": options["log_compression"],
        },
    )


def _layers(option: str, expression: str) -> list[tuple[int, int, int]]:
    """Channels, kernel, stride of layers, from ``[(512, 10, 5)] + [(512, 4, 2)] * 3``; nothing of it is run."""

    def value(node: ast.expr) -> Any:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return value(node.left) + value(node.right)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            return value(node.left) * value(node.right)
        return ast.literal_eval(node)

    try:
        layers = [
            (int(width), int(kernel), int(stride))
            for width, kernel, stride in value(ast.parse(expression, mode="eval").body)
        ]
    except (SyntaxError, TypeError, ValueError):
        raise TimbreError(f"{option}: expected a list of (channels, kernel, stride), found {expression}") from None
    if len({width for width, _, _ in layers}) > 1:
        raise TimbreError(f"{option}: layers of different widths are not known here: {layers}")
    return layers


def _published(name: str) -> str:
    """A weight of :class:`timbre.features.wav2vec_network.Network` by fairseq's name."""
    part, *rest = name.split(".")
    if part == "projection":
        return "feature_aggregator.residual_proj.0.weight"
    layer, module, kind = rest
    first = 0 if part == "encoder" else 1  # a context convolution stands behind its padding
    place = first if module == "convolution" else first + 2  # a dropout is between
    where = "feature_extractor" if part == "encoder" else "feature_aggregator"
    return f"{where}.conv_layers.{layer}.{place}.{kind}"


def _published_shape(shape: Shape) -> Shape:
    """Of a weight: convolutions are (C', C, k) there and (C', C, 1, k) here, and the projection is one of them."""
    return (*shape[:2], shape[-1] if len(shape) == 4 else 1) if len(shape) > 1 else tuple(shape)
