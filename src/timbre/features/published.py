"""A trained model on disk: one of this project, or a published checkpoint whose layout is known.

A layout is a module ``published_<name>`` of this package, with ``LICENCE``, ``SOURCE`` (where it is from),
``recognises(checkpoint) -> bool`` and ``convert(checkpoint) -> dict``, which makes of it what training writes into
``final.pt``. Nothing is downloaded here; a checkpoint is read as data only (``weights_only``), and ``SAFE_GLOBALS``
of a layout are the plain classes that its checkpoints hold beside tensors.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import pkgutil
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

import timbre.features
from timbre.errors import TimbreError
from timbre.features.model_file import FORMAT, of_model, require_model
from timbre.features.tensors import load_tensors

_PREFIX = "published_"


def layouts() -> dict[str, ModuleType]:
    """The published layouts that are known, by name."""
    names = [module.name for module in pkgutil.iter_modules(timbre.features.__path__)]
    return {
        name.removeprefix(_PREFIX): importlib.import_module(f"timbre.features.{name}")
        for name in names
        if name.startswith(_PREFIX)
    }


def read_model(path: str | Path) -> dict[str, Any]:
    """The state of a model: conf, classes, encoder, loss, backend.

    Args:
        path: a model directory, its ``final.pt``, or a published checkpoint, whose SHA-256 and licence are said on
            stderr.

    Raises:
        TimbreError: where there is none, it is damaged, or it is of no known layout.
    """
    path = Path(path)
    file = path / "final.pt" if path.is_dir() else path
    if not file.is_file():
        if (path / "fold_1" / "final.pt").is_file():
            raise TimbreError(
                f"{path}: not one model, but one for each fold; name one of them ({path}/fold_1), or take the mean "
                "of all with timbre classify"
            )
        raise TimbreError(f"{file}: no trained model there; steps/train_encoder.sh (stage 2) makes it")
    known = layouts()
    plain = [each for module in known.values() for each in getattr(module, "SAFE_GLOBALS", [])]
    with torch.serialization.safe_globals(plain):
        state = load_tensors(file, "copy it again, or, if it was trained here, remove it and train again (stage 2)")
    if isinstance(state, dict) and state.get("format") == FORMAT:
        with of_model(file):
            require_model(state)
        return state
    for name, module in known.items():
        if module.recognises(state):
            _say(name, file)
            with of_model(file):
                converted = module.convert(state)
                require_model(converted)
            return converted
    raise TimbreError(
        f"{file}: not a model of this project (format {FORMAT}), nor a published checkpoint of {', '.join(known)}"
    )


@cache
def _say(name: str, file: Path) -> None:
    module = layouts()[name]
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    print(
        f"{file}: {name}, published at {module.SOURCE}; licence: {module.LICENCE}; SHA-256 {sha256}",
        file=sys.stderr,
    )


def model_sha256(state: dict[str, Any]) -> str:
    """A hash of all that a model's outputs depend on: front-end, encoder, weights, statistics, wherever it lies."""
    conf = {name: state["conf"].get(name) for name in ("features", "input", "encoder")}
    conf["features"] = {name: value for name, value in (conf["features"] or {}).items() if name != "model"}
    digest = hashlib.sha256(json.dumps(conf, sort_keys=True).encode())
    tensors = {**state["encoder"], "statistics": state.get("statistics")}
    for name, value in sorted(tensors.items()):
        if value is not None:
            digest.update(f"{name} {tuple(value.shape)} {value.dtype}\n".encode())
            digest.update(value.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    if "extractor" in state:
        digest.update(model_sha256(state["extractor"]).encode())
    return digest.hexdigest()
