"""The weights of a published checkpoint, held against the layout that they are expected in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from timbre.errors import TimbreError, some

Shape = tuple[int, ...]


def checked(weights: Mapping[str, Any], shapes: Mapping[str, Shape], layout: str) -> dict[str, torch.Tensor]:
    """``weights`` as float32 tensors (counters as they are), if they are those of ``shapes``, no more and no less.

    Args:
        layout: the name of what is expected, for messages.

    Raises:
        TimbreError: naming keys that are missing, keys that are unknown, and a tensor of another shape.
    """
    missing, unknown = sorted(shapes.keys() - weights.keys()), sorted(weights.keys() - shapes.keys())
    if missing or unknown:
        said = [f"without {some(missing)}"] if missing else []
        said += [f"with unknown {some(unknown)}"] if unknown else []
        raise TimbreError(f"most like {layout}, but {' and '.join(said)}")
    for name, shape in shapes.items():
        if not isinstance(weights[name], torch.Tensor):
            raise TimbreError(f"{name} is no tensor, but {type(weights[name]).__name__}")
        if (found := tuple(weights[name].shape)) != shape:
            raise TimbreError(f"{name} has the shape {found}, and {shape} in the published layout of {layout}")
    return {name: weights[name].float() if weights[name].is_floating_point() else weights[name] for name in shapes}
