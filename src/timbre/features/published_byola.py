"""BYOL-A's published encoders, ``AudioNTT2020-BYOLA-64x96d<D>.pth``: 64 channels, D = 512, 1024 or 2048.

The checkpoint is the state of a network with ``features`` (convolution, BatchNorm, ReLU and maximum three times)
and ``fc`` (linear, ReLU, dropout, linear, ReLU), its maps (C, F, T) and not, as here, (T, F, C). A convolution's
bias goes into the mean of the BatchNorm after it.

Log mel frames are less one mean, divided by one deviation. These are not in the checkpoint; taken here are those
that its README has as an example, and tells its readers to replace by those of their own data. The README computes
energies by torchaudio, as here; the training, says a remark in its code, by librosa, whose filters are others.
"""

from __future__ import annotations

from typing import Any

import torch

from timbre.features.checkpoint import Shape, checked
from timbre.features.logmel import Conf

LICENCE = "NTT's own: to evaluate the paper only"
SOURCE = "https://github.com/nttcslab/byol-a"

BINS, MEAN, DEVIATION = 64, -5.4919195, 5.0389895
FEATURES = Conf(
    resample=True,
    frame_length=64.0,
    num_mel_bins=BINS,
    low_freq=60.0,
    high_freq=7800.0,
    floor=torch.finfo(torch.float32).eps,
    uniform=True,
)
CONVOLUTIONS, NORMS = (0, 4, 8), (1, 5, 9)
"""Their places in ``features``."""


def recognises(checkpoint: object) -> bool:
    """By the first convolution and the last linear layer."""
    return isinstance(checkpoint, dict) and {"features.0.weight", "fc.3.weight"} <= checkpoint.keys()


def convert(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """The state of a ``byola`` encoder behind ``logmel`` frames.

    Raises:
        TimbreError: naming weights that are missing, unknown or of another shape.
    """
    channels, dim = (len(checkpoint[name]) for name in ("features.0.weight", "fc.3.weight"))
    weights = checked(checkpoint, _shapes(channels, dim), "BYOL-A")
    encoder: dict[str, torch.Tensor] = {}
    for place, (convolution, norm) in enumerate(zip(CONVOLUTIONS, NORMS, strict=True)):
        kernel = weights[f"features.{convolution}.weight"].transpose(2, 3)
        encoder[f"convolutions.{place}.weight"] = kernel.contiguous()
        for name in _norm_shapes(channels):
            encoder[f"norms.{place}.{name}"] = weights[f"features.{norm}.{name}"]
        encoder[f"norms.{place}.running_mean"] = (
            weights[f"features.{norm}.running_mean"] - weights[f"features.{convolution}.bias"]
        )
    for ours, theirs in (("first", "fc.0"), ("second", "fc.3")):
        encoder |= {f"{ours}.{name}": weights[f"{theirs}.{name}"] for name in ("weight", "bias")}
    return {
        "format": "timbre-1",
        "conf": {
            "task": "self_supervised",
            "features": FEATURES.model_dump(mode="json"),
            "input": {"cmvn": "global", "norm_vars": True},
            "encoder": {"kind": "byola", "channels": channels, "embedding_dim": dim},
            "loss": {"kind": "byol"},
        },
        "classes": [],
        "backend": {},
        "statistics": torch.tensor([[MEAN], [1 / DEVIATION]]).expand(2, BINS).contiguous(),
        "encoder": encoder,
    }


def _norm_shapes(channels: int) -> dict[str, Shape]:
    names = ("weight", "bias", "running_mean", "running_var")
    return dict.fromkeys(names, (channels,)) | {"num_batches_tracked": ()}


def _shapes(channels: int, dim: int) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for place, (convolution, norm) in enumerate(zip(CONVOLUTIONS, NORMS, strict=True)):
        shapes[f"features.{convolution}.weight"] = (channels, channels if place else 1, 3, 3)
        shapes[f"features.{convolution}.bias"] = (channels,)
        shapes |= {f"features.{norm}.{name}": shape for name, shape in _norm_shapes(channels).items()}
    shapes |= {"fc.0.weight": (dim, BINS // 8 * channels), "fc.0.bias": (dim,)}
    return shapes | {"fc.3.weight": (dim, dim), "fc.3.bias": (dim,)}
