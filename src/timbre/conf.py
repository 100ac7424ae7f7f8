"""Typed confs: YAML that holds what differs from documented defaults.

A conf is a :class:`Section`: named, typed, documented fields with defaults. A field made by
:func:`plugin` holds the section of a module chosen by its ``kind``: ``encoder: {kind: xvector}`` is
read by ``timbre.models.xvector.Conf``; a new file in the package is a new kind, and nothing else changes.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, ValidationError, ValidationInfo, field_validator

from timbre import plain_yaml
from timbre.conf_files import flat, override, read_yaml
from timbre.errors import TimbreError, did_you_mean

MOST_INTEGER, MOST_FLOAT = 10**7, 1e9
"""What a number of a conf may be, to both sides, where its field has no limit of its own."""


class Section(BaseModel):
    """One mapping of a conf; fields are typed, documented by ``Field(description=…)`` and immutable.

    Values are taken as they are written, and numbers are finite.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, strict=True, allow_inf_nan=False
    )  # strict: "3", 3.0 and true are no integers, 1 is not true

    @field_validator("*", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any, field: ValidationInfo) -> Any:
        """YAML has lists, and strict validation takes tuples alone where a tuple is wanted."""
        return _with_tuples(value, cls.model_fields[field.field_name].annotation)

    @field_validator("*", mode="after")
    @classmethod
    def _numbers_are_of_this_world(cls, value: Any, field: ValidationInfo) -> Any:
        """Those without a limit of their own: what is beyond is a slip of the hand, or overflows later."""
        own = cls.model_fields[field.field_name]
        if not any(hasattr(mark, "le") or hasattr(mark, "lt") for mark in own.metadata):
            for number in value if isinstance(value, tuple) else (value,):
                most = MOST_INTEGER if isinstance(number, int) else MOST_FLOAT
                if isinstance(number, int | float) and abs(number) > most:
                    raise ValueError(f"input should be between -{most:g} and {most:g}")
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: Any, field: ValidationInfo) -> Any:
        """``Literal[1, 2]`` would take true for 1."""
        own = cls.model_fields[field.field_name].annotation
        if isinstance(value, bool) and get_origin(own) is Literal:
            raise ValueError(f"input should be {' or '.join(map(str, get_args(own)))}")
        return value


def _with_tuples(value: Any, wanted: Any) -> Any:
    """Lists as tuples where ``wanted`` is a tuple, or a mapping to tuples."""
    if get_origin(wanted) is dict and isinstance(value, Mapping):
        return {key: _with_tuples(inner, get_args(wanted)[1]) for key, inner in value.items()}
    return tuple(value) if get_origin(wanted) is tuple and isinstance(value, list) else value


AnySection = SerializeAsAny[Section]
S = TypeVar("S", bound=Section)


def plugin(package: str, default: str, description: str, extra: Mapping[str, Any] | None = None) -> Any:
    """A field (of type :data:`AnySection`) whose ``kind`` names a module of ``package`` with a ``Conf``.

    ``extra`` is further ``json_schema_extra`` (:func:`timbre.conf_effects.only`).
    """

    def make_default() -> Section:
        return kind_module(package, default).Conf()

    marks = {"package": package, **(extra or {})}
    return Field(default_factory=make_default, description=description, json_schema_extra=marks)


def kinds(package: str) -> list[str]:
    """The kinds of a plugin package: its modules that have a ``Conf`` of their own."""
    names = [module.name for module in pkgutil.iter_modules(importlib.import_module(package).__path__)]
    return [name for name in names if _is_kind(importlib.import_module(f"{package}.{name}"))]


def _is_kind(module: ModuleType) -> bool:
    return getattr(getattr(module, "Conf", None), "__module__", None) == module.__name__


def kind_module(package: str, kind: object, where: str = "kind") -> ModuleType:
    """The module ``<package>.<kind>``; an unknown kind is refused with the known ones."""
    modules = {module.name for module in pkgutil.iter_modules(importlib.import_module(package).__path__)}
    if kind in modules:
        module = importlib.import_module(f"{package}.{kind}")
        if _is_kind(module):
            return module
    said = "missing" if kind is None else f"no such kind '{kind}'"
    raise TimbreError(f"{where}: {said}{did_you_mean(str(kind), kinds(package))}")


def build(section: type[S], values: Mapping[str, Any], where: str = "") -> S:
    """Validates ``values`` as ``section``; ``where`` is the dotted prefix for messages (``train.``).

    Raises:
        TimbreError: naming each unknown key with the nearest valid one, and each bad value with what
            would be right.
    """
    if not isinstance(values, Mapping):
        raise TimbreError(f"{where.rstrip('.') or 'conf'}: expected keys and values, found {values!r}")
    values = dict(values)
    for name, field in section.model_fields.items():
        package = (field.json_schema_extra or {}).get("package") if name in values else None
        if package and not isinstance(values[name], Section):
            inner = values[name]
            kind = inner.get("kind") if isinstance(inner, Mapping) else inner
            conf = kind_module(package, kind, f"{where}{name}.kind").Conf
            values[name] = build(conf, {"kind": kind} if inner is kind else inner, f"{where}{name}.")
    try:
        return section.model_validate(values)
    except ValidationError as error:
        raise TimbreError("; ".join(_complaint(section, item, where) for item in error.errors())) from None


def _complaint(section: type[Section], item: Mapping[str, Any], where: str) -> str:
    """One pydantic error in a line: dotted key, what is wrong, what would be right."""
    path = [str(part) for part in item["loc"]]
    name = where + ".".join(path)
    if item["type"] == "extra_forbidden":
        for part in path[:-1]:
            section = (
                section.model_fields[part].annotation if hasattr(section, "model_fields") else get_args(section)[1]
            )
        return f"unknown key '{name}'{did_you_mean(path[-1], section.model_fields)}"
    found = _as_written(item["input"])
    message = (item["msg"][0].lower() + item["msg"][1:]).removeprefix("value error, ")
    if item["type"] == "model_type":
        message = "expected keys and values"
    if item["type"] not in ("value_error", "missing") or not isinstance(item["input"], Mapping | Section):
        message += f", found {found!r}"  # else a rule about several keys, whose values the message has
    return ": ".join(filter(None, (name.rstrip("."), message)))


def _as_written(value: Any) -> Any:
    """Tuples as the lists that they were; what is long is cut."""
    value = [_as_written(inner) for inner in value] if isinstance(value, tuple) else value
    return value if len(repr(value)) <= 80 else repr(value)[:76] + " ..."


def load(section: type[S], path: str | Path, settings: Iterable[str] = ()) -> S:
    """A conf file with overrides, validated; messages begin with the file."""
    try:
        return build(section, override(read_yaml(path), settings))
    except TimbreError as error:
        message = str(error)
        raise TimbreError(message if message.startswith(str(path)) else f"{path}: {message}") from None


def dump(section: Section) -> str:
    """The resolved section as YAML, every default written out."""
    return plain_yaml.dump(section.model_dump(mode="json"))


def differences(section: Section) -> dict[str, tuple[Any, Any]]:
    """What differs from the defaults: ``{dotted key: (value, default)}``."""

    defaults: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        value, default = getattr(section, name), field.get_default(call_default_factory=True)
        if isinstance(value, Section):  # of another kind than the default's: its own defaults, but not its kind
            other = {"kind": default.kind} if hasattr(default, "kind") else {}
            default = type(value)().model_dump(mode="json") | other
        defaults[name] = list(default) if isinstance(default, tuple) else default
    here, there = flat(section.model_dump(mode="json")), flat(defaults)
    return {key: (value, there.get(key)) for key, value in here.items() if value != there.get(key)}
