"""Keys that have an effect only together with others: marked beside the field, checked in one place.

    momentum: float = Field(0.9, json_schema_extra=only(optimizer="sgd"))

A key that differs from its default and has no effect is refused where a conf is read: whoever wrote it meant
something. The conf of a model that is trained is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from timbre.conf import Section
from timbre.errors import TimbreError

POSITIVE = "> 0"
"""A condition: the other key is a number above 0."""


def only(conditions: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """``json_schema_extra`` of a field that has an effect only if all of these hold.

    Args:
        conditions: of another key, of the same section or dotted from the root (``loss.margin``), what it must be:
            a value, a tuple of values, or :data:`POSITIVE`; of a key that is a list, what must be among its values.
        more: the same, for keys without a dot.
    """
    every = {**(conditions or {}), **more}
    return {"only": {key: wanted if isinstance(wanted, tuple) else (wanted,) for key, wanted in every.items()}}


def conditions_of(section: Section, name: str) -> dict[str, tuple[Any, ...]]:
    """What :func:`only` says of a field."""
    return (type(section).model_fields[name].json_schema_extra or {}).get("only", {})


def require_effect(root: Section) -> None:
    """Refuses keys that differ from their defaults and have no effect.

    Raises:
        TimbreError: naming each, and the value of the other key with which it has none.
    """
    if idle := list(_idle(root, root, "")):
        raise TimbreError("; ".join(idle))


def _idle(section: Section, root: Section, prefix: str) -> Iterator[str]:
    for name, field in type(section).model_fields.items():
        value, default = getattr(section, name), field.get_default(call_default_factory=True)
        if value == default:
            continue
        unmet = [
            (where, there, wanted)
            for key, wanted in conditions_of(section, name).items()
            for where, there in _values(section, root, prefix, key)
            if not _meets(there, wanted)
        ]
        if unmet:
            where, there, wanted = unmet[0]
            with_what = f"no {where}" if there is None else f"{where} {_shown(there)}"
            whole = isinstance(value, Section)
            mend = "" if whole else f", or set it to its default, {_shown(default)}, where a base has it"
            said = (
                f"has no effect with {with_what}, only with {' or '.join(map(_shown, wanted))}; leave it out{mend}"
            )
            yield f"{prefix}{name} {said}" if whole else f"{prefix}{name} {_shown(value)} {said}"
        elif isinstance(value, Section):
            yield from _idle(value, root, f"{prefix}{name}.")
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                if isinstance(inner, Section):
                    yield from _idle(inner, root, f"{prefix}{name}.{key}.")


def _values(section: Section, root: Section, prefix: str, key: str) -> list[tuple[str, Any]]:
    """The other key by its dotted name, and its value (``None`` where a section has no such key).

    None at all where the root has no such key: a part of an experiment's conf may stand alone.
    """
    first, *rest = key.split(".")
    if first in type(section).model_fields:
        holder, where = section, prefix + key
    elif first in type(root).model_fields:
        holder, where = root, key
    else:
        return []
    value = getattr(holder, first)
    for part in rest:
        value = getattr(value, part, None)
    return [(where, value)]


def _meets(value: Any, wanted: tuple[Any, ...]) -> bool:
    if wanted == (POSITIVE,):
        return value is not None and value > 0
    return any(one in value for one in wanted) if isinstance(value, tuple) else value in wanted


def _shown(value: Any) -> str:
    """As it stands in a conf."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value) or "''"
