"""What the layouts of speaker toolkits share: finding the encoder by its weights, and the state made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from timbre.errors import TimbreError
from timbre.features.conversion import Family
from timbre.features.model_file import FORMAT

_OF_MAPS = ("campplus", "eres2net_v2", "resnet", "preactivated_resnet")
"""Encoders that see frames of any number of values, an eighth of which is left where they pool."""
_WRAPPED = "module."
"""Before each name, where the weights of a parallel training were saved."""


def weights_of(checkpoint: object, left_out: Sequence[str] = ()) -> dict[str, Tensor]:
    """The weights by name, be they the checkpoint or its ``state_dict`` or ``model``; none of other things.

    Args:
        left_out: how names begin that embeddings do not need.
    """
    if not isinstance(checkpoint, Mapping):
        return {}
    for name in ("state_dict", "model"):
        if isinstance(checkpoint.get(name), Mapping):
            checkpoint = checkpoint[name]
    names = [name for name in checkpoint if isinstance(name, str)]
    if names and all(name.startswith(_WRAPPED) for name in names):
        checkpoint = {name.removeprefix(_WRAPPED): checkpoint[name] for name in names}
    return {
        name: value
        for name, value in checkpoint.items()
        if isinstance(name, str) and not name.startswith(tuple(left_out))
    }


def nearest(families: Sequence[Family], weights: Mapping[str, Tensor]) -> tuple[Family, float]:
    """The encoder that shares most names with the weights, and the share of its own that are there."""
    names = set(weights)
    ranked = [(*family.likeness(names), -place) for place, family in enumerate(families)]
    share, _, place = max(ranked)
    return families[-place], share


def speaker_state(
    family: Family,
    encoder: dict[str, Any],
    weights: dict[str, Tensor],
    features: dict[str, Any],
    frames: dict[str, Any],
    notes: Sequence[str],
) -> dict[str, Any]:
    """What training writes into ``final.pt``, of an encoder whose classes and back-end are not known.

    Args:
        frames: the conf's ``input``.
        notes: what was assumed, and what differs from the toolkit, for people.
    """
    return {
        "format": FORMAT,
        "conf": {
            "task": "verification",
            "features": features,
            "input": frames,
            "encoder": encoder,
            "loss": {"kind": "aam_softmax"},
        },
        "classes": [],
        "backend": {"mean": torch.zeros(encoder["embedding_dim"])},
        "encoder": weights,
        "published": {"encoder": family.name, "notes": list(notes)},
    }


def frame_bins(encoder: Mapping[str, Any], seen: int, said: object = None, where: str = "") -> int:
    """The values of a frame.

    Args:
        seen: what the weights tell of them: their number, or of maps how many bins are pooled.
        said: their number by the toolkit's configuration, if that says it, at ``where``.

    Raises:
        TimbreError: naming both, where they do not fit.
    """
    times = 8 if encoder["kind"] in _OF_MAPS else 1
    if said is None:
        return seen * times
    if not isinstance(said, int) or -(-said // times) != seen:
        raise TimbreError(f"{where} {said}, and the weights are of {seen * times} (or of another pooling)")
    return said


def first_file(folder: Path, names: Sequence[str]) -> Path | None:
    """The first of these files that there is."""
    return next((folder / name for name in names if (folder / name).is_file()), None)


def require_class(family: Family, called: object, where: str) -> None:
    """Refuses a class of a toolkit's configuration that is not the family's.

    Raises:
        TimbreError: naming both.
    """
    if called and not str(called).rpartition(".")[2].startswith(family.classes):
        raise TimbreError(f"{where}: {called}, but the weights are most like those of {family.name}")
