"""A trained model on disk: one of this project, or a published checkpoint whose layout is known.

A layout is a module ``published_<name>`` of this package, with ``LICENCE``, ``SOURCE`` (where it is from),
``recognises(checkpoint) -> bool`` and ``convert(checkpoint) -> dict``, which makes of it what training writes into
``final.pt``. Nothing is downloaded here; a checkpoint is read as data only (``weights_only``), and ``SAFE_GLOBALS``
of a layout are the plain classes that its checkpoints hold beside tensors.

Toolkits write several encoders, some of them alike, and a configuration beside them. Their layouts have
``likeness(checkpoint, file) -> float``, how much of an encoder's weights there is, and ``convert`` takes the file
too. A front-end that a checkpoint does not tell may be given in ``<checkpoint>.yaml`` beside it: the sections
``features`` and ``input`` of a conf.
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
from timbre.conf_files import overlay, read_mapping
from timbre.errors import TimbreError, some
from timbre.features.model_file import FORMAT, of_model, require_model
from timbre.features.speaker_checkpoint import first_file
from timbre.features.tensors import load_tensors
from timbre.kaldi.layout import CHECKPOINTS

_PREFIX = "published_"
_ALIKE = 0.5
"""The share of an encoder's weights from which on a file is taken for one of it, and what is missing is named."""


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
    path, known = Path(path), layouts()
    file = model_file(path)
    if not file.is_file():
        if (path / "fold_1" / "final.pt").is_file():
            raise TimbreError(
                f"{path}: not one model, but one for each fold; name one of them ({path}/fold_1), or take the mean "
                "of all with timbre classify"
            )
        raise TimbreError(f"{file}: no trained model there; steps/train_encoder.sh (stage 2) makes it")
    plain = [each for module in known.values() for each in getattr(module, "SAFE_GLOBALS", [])]
    with torch.serialization.safe_globals(plain):
        state = load_tensors(file, "copy it again, or, if it was trained here, remove it and train again (stage 2)")
    if isinstance(state, dict) and state.get("format") == FORMAT:
        with of_model(file):
            require_model(state)
        return state
    for name, module in known.items():
        if hasattr(module, "recognises") and module.recognises(state):
            _say(name, file, ())
            with of_model(file):
                converted = module.convert(state)
                require_model(converted)
            return _with_origin(converted, name)
    toolkits = {name: module for name, module in known.items() if hasattr(module, "likeness")}
    likeness, name = max((module.likeness(state, file), name) for name, module in toolkits.items())
    if likeness >= _ALIKE:
        with of_model(file):
            converted = toolkits[name].convert(state, file)
            _give_front_end(converted, file)
            require_model(converted)
        _say(name, file, tuple(converted["published"]["notes"]))
        return _with_origin(converted, name)
    raise TimbreError(
        f"{file}: not a model of this project (format {FORMAT}), nor a published checkpoint of {', '.join(known)}"
    )


def model_file(path: Path) -> Path:
    """The file of a model: the path itself, or in a folder ``final.pt`` or a toolkit's checkpoint."""
    if not path.is_dir() or (path / "final.pt").is_file():
        return path / "final.pt" if path.is_dir() else path
    return first_file(path, CHECKPOINTS) or path / "final.pt"


def _give_front_end(state: dict[str, Any], file: Path) -> None:
    """Lays the sections of ``<file>.yaml``, if it is there, over those of the state.

    Raises:
        TimbreError: for a section that is none of a front-end.
    """
    given = file.with_name(f"{file.name}.yaml")
    if not given.is_file():
        return
    sections = read_mapping(given)
    if other := sorted(sections.keys() - {"features", "input"}):
        raise TimbreError(f"{given}: {some(other)}: a front-end has the sections features and input")
    state["conf"] = overlay(state["conf"], sections)
    state["published"]["notes"] = [f"the front-end is that of {given}"]


def _with_origin(state: dict[str, Any], name: str) -> dict[str, Any]:
    module = layouts()[name]
    origin = {"layout": name, "source": module.SOURCE, "licence": module.LICENCE}
    return {**state, "published": {**origin, **state.get("published", {})}}


@cache
def _say(name: str, file: Path, notes: tuple[str, ...]) -> None:
    module = layouts()[name]
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    said = "".join(f"; {note}" for note in notes)
    print(
        f"{file}: {name}, published at {module.SOURCE}; licence: {module.LICENCE}; SHA-256 {sha256}{said}",
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
