"""Confs as plain data: read from files that take parts from others, laid over each other, overridden, flattened.

What the keys mean, and which there are, is known to :mod:`timbre.conf`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from timbre import plain_yaml
from timbre.errors import TimbreError


def read_yaml(path: str | Path, within: tuple[Path, ...] = ()) -> dict[str, Any]:
    """A YAML mapping as plain data (:mod:`timbre.plain_yaml`); a value ``x.yaml`` of a top key is that file, read.

    So ``features: mfcc.yaml`` takes the section from the file beside this one. ``base: other.yaml`` is the conf
    that this one differs from: what stands here is laid over it (:func:`overlay`). ``within`` are the files that
    led here, none of which may be named again.
    """
    path = Path(path)
    values = read_mapping(path)
    files = _files_named(values)
    for key in files:
        other = path.parent / values[key]
        if other.resolve() in (path.resolve(), *within):
            raise TimbreError(f"{path}: {key}: {values[key]} leads back to itself")
        values[key] = read_yaml(other, (*within, path.resolve()))
    base = values.pop("base", {})
    if not isinstance(base, dict):
        raise TimbreError(f"{path}: base: expected a file beside this one (x.yaml), found {base!r}")
    return overlay({key: value for key, value in base.items() if key not in files}, values)


def conf_files(path: Path) -> list[Path]:
    """A conf and the files that it takes parts from, and they from others."""
    values = read_mapping(path)
    return [path, *(file for key in _files_named(values) for file in conf_files(path.parent / values[key]))]


def read_mapping(path: str | Path) -> dict[str, Any]:
    """What stands in one file, which holds keys and values or nothing."""
    values = plain_yaml.read(path)
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise TimbreError(f"{path}: expected keys and values, found {type(values).__name__}")
    return values


def _files_named(values: Mapping[str, Any]) -> list[str]:
    """The top keys whose value is another file, ``x.yaml``."""
    return [key for key, value in values.items() if isinstance(value, str) and value.endswith(".yaml")]


def overlay(base: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` over ``base``, key by key in sections too; a section of another ``kind`` replaces the base's."""
    result = dict(base)
    for key, value in values.items():
        under = result.get(key)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        same = both and value.get("kind", under.get("kind")) == under.get("kind")
        result[key] = overlay(under, value) if same else value
    return result


def override(values: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """``values`` with ``a.b=c`` settings applied, in their order; their values are YAML (``3``, ``x``)."""
    result = dict(values)
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key:
            raise TimbreError(f"--set takes key=value (train.epochs=3), found '{setting}'")
        *parents, last = key.split(".")
        here = result
        for parent in parents:
            child = here.get(parent, {})
            if not isinstance(child, Mapping):
                raise TimbreError(f"--set {setting}: '{parent}' holds a value, not keys")
            here[parent] = dict(child)
            here = here[parent]
        here[last] = plain_yaml.parse(text, f"--set {setting}")
    return result


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as ``{dotted key: value}``."""
    rows: dict[str, Any] = {}
    for key, value in values.items():
        rows |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return rows
