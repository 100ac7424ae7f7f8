"""What ``final.pt`` holds, held against what it should: it may be damaged, of another program, or hostile.

format      "timbre-1"
conf        the resolved conf: sections features, input and encoder (of training also the rest)
classes     names, each once, in the order of the classifier's rows
backend     what was fitted after training: mean (D,), threshold, calibration, temperature …
encoder     weights by name; loss: those of the loss
statistics  (2, F) of ``input.cmvn: global``; extractor: the model that makes the frames, another such state
published   of a checkpoint of another layout: layout, source, licence, notes
streams     of a fusion: of each stream its model's state, or none, and its statistics (2, F); languages: of each
            its classes
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from timbre.errors import TimbreError, machine_fault, some

FORMAT = "timbre-1"
_SECTIONS = ("features", "input", "encoder")
_NUMBERS = ("threshold", "temperature")


def require_model(state: Any) -> None:
    """Refuses what is no state of a model.

    Raises:
        TimbreError: naming the part and what is wrong with it.
    """
    state = _mapping("the file", state)
    if missing := [name for name in ("conf", "classes", "backend", "encoder") if name not in state]:
        raise TimbreError(f"without {some(missing)}")
    conf = _mapping("conf", state["conf"])
    for name in _SECTIONS:
        section = _mapping(f"conf.{name}", conf.get(name))
        if name != "input" and not isinstance(section.get("kind"), str):
            raise TimbreError(f"conf.{name}.kind is no word")
    _require_names("classes", state["classes"])
    for name in ("encoder", "loss"):
        for key, value in _mapping(name, state.get(name) or {}).items():
            _require_tensor(f"{name}: {key}", value)
    if state.get("statistics") is not None:
        _require_statistics("statistics", state["statistics"])
    if state.get("extractor") is not None:
        _within("extractor", state["extractor"])
    for name, stream in _mapping("streams", state.get("streams") or {}).items():
        stream = _mapping(f"streams.{name}", stream)
        if stream.get("state") is not None:
            _within(f"streams.{name}", stream["state"])
        _require_statistics(f"streams.{name}.statistics", stream.get("statistics"))
    for language, names in _mapping("languages", state.get("languages") or {}).items():
        _require_names(f"languages.{language}", names)
    _require_backend(_mapping("backend", state["backend"]))


@contextmanager
def of_model(file: str | Path) -> Iterator[None]:
    """What is found wrong in the block, while a model is made of its file, is said of the file in one line."""
    try:
        yield
    except TimbreError as error:
        if str(file) in str(error):
            raise
        raise TimbreError(f"{file}: {error}") from None
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        if machine_fault(error):
            raise
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise TimbreError(
            f"{file}: not as a model should be ({type(error).__name__}: {why}); copy it again"
        ) from None


def load_weights(module: nn.Module, weights: Mapping[str, Tensor], part: str) -> None:
    """Gives ``module`` its weights.

    Raises:
        TimbreError: naming the first that is missing, unknown or of another shape.
    """
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        why = str(error).splitlines()
        said = why[1].strip().rstrip(".") if len(why) > 1 else why[0]
        raise TimbreError(f"{part}: the weights are not those of the conf's network ({said})") from None


def _within(part: str, state: Any) -> None:
    try:
        require_model(state)
    except TimbreError as error:
        raise TimbreError(f"{part}: {error}") from None


def _mapping(part: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise TimbreError(f"{part} is no mapping by names, but {_kind(value)}")
    return value


def _require_names(part: str, value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise TimbreError(f"{part} is no list of names, but {_kind(value)}")
    if len(set(value)) < len(value):
        twice = [name for name in dict.fromkeys(value) if value.count(name) > 1][:3]
        raise TimbreError(f"{part} holds {some(twice)} twice")


def _require_tensor(part: str, value: Any, shape: tuple[int | None, ...] | None = None) -> None:
    """A tensor without a value that is not finite; ``shape``: its sizes, ``None`` for any."""
    if not isinstance(value, Tensor):
        raise TimbreError(f"{part} is no tensor, but {_kind(value)}")
    if shape is not None and (
        value.dim() != len(shape)
        or any(size not in (None, there) for size, there in zip(shape, value.shape, strict=True))
    ):
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise TimbreError(f"{part} has the shape {list(value.shape)}, not [{wanted}]")
    if value.is_floating_point() and not math.isfinite(value.sum()) and not torch.isfinite(value).all():
        raise TimbreError(f"{part} has values that are not finite")


def _require_statistics(part: str, value: Any) -> None:
    _require_tensor(part, value, (2, None))
    if value.dtype != torch.float32:
        raise TimbreError(f"{part} is of {value.dtype}, not float32")


def _require_backend(backend: Mapping[str, Any]) -> None:
    if backend.get("mean") is not None:
        _require_tensor("backend.mean", backend["mean"], (None,))
    numbers = {f"backend.{name}": backend[name] for name in _NUMBERS if backend.get(name) is not None}
    if backend.get("calibration") is not None:
        line = _mapping("backend.calibration", backend["calibration"])
        if unknown := sorted(line.keys() - {"a", "b", "quality", "evidence", "tail"}):
            raise TimbreError(f"backend.calibration: unknown {some(unknown)}; a newer version's?")
        numbers |= {f"backend.calibration.{name}": line.get(name) for name in ("a", "b")}
        for part in ("quality", "evidence", "tail"):
            named = _mapping(f"backend.calibration.{part}", line.get(part, {}))
            numbers |= {f"backend.calibration.{part}.{name}": value for name, value in named.items()}
    of_languages = _mapping("backend.temperatures", backend.get("temperatures") or {})
    numbers |= {f"backend.temperatures.{name}": value for name, value in of_languages.items()}
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise TimbreError(f"{name} is no finite number, but {_kind(value)}")
        if "temperature" in name and value <= 0:
            raise TimbreError(f"{name} is {value:g}, and has to be above 0")


def _kind(value: Any) -> str:
    """What a value is, in a few words."""
    if value is None:
        return "missing"
    return f"{value!r}" if isinstance(value, bool | int | float) else type(value).__name__
