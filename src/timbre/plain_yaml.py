"""YAML as people read it: mappings, lists and the scalars of YAML 1.2's core schema, and nothing else.

    null, ~           no value
    true, false       truth (``yes``, ``on``, ``no`` are words)
    10, 010, 0o12     integers: the second is 10 as well, the third 10 in octal digits
    1e-3, 1.5, .inf   numbers (``1:30``, ``1_000``, ``2026-11-29`` are words)

A key that stands twice in a mapping is refused with both lines. Keys are words. Anchors, aliases, merge keys and
tags are refused: no conf needs them, and a page of aliases can stand for more than a memory holds.

Source: https://yaml.org/spec/1.2.2/#103-core-schema
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import yaml
from yaml.constructor import ConstructorError
from yaml.error import Mark

from timbre.errors import TimbreError
from timbre.kaldi.text import read_lines

_SCALARS = [  # tag, form, how it may begin
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
]
_DIGITS = 400
"""Of a number, at most: more than the largest float has, and Python would refuse some thousands."""
_DEPTH = 30
"""Of lists and mappings within each other, at most."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which makes plain data alone, with fewer readings of it."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[Any]]] = {}

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node:
        """Refuses what stands for something else."""
        event = self.peek_event()
        for name, value in (("an anchor or alias", event.anchor), ("a tag", getattr(event, "tag", None))):
            if value is not None:
                raise ConstructorError(None, None, f"{name} ('{value}'): write the value out", event.start_mark)
        if self._depth == _DEPTH:
            raise ConstructorError(None, None, f"more than {_DEPTH} levels", event.start_mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:
        """Refuses keys that are no words, and those that stand twice."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.tag != "tag:yaml.org,2002:str":
                said = f"a key that is no word; put quotes around '{getattr(key, 'value', '')}'"
                if not isinstance(key, yaml.ScalarNode):
                    said = "a key that is a list or mapping; write a word"
                raise ConstructorError(None, None, said, key.start_mark)
            if key.value == "<<" and key.style is None:
                said = "a merge key ('<<'): write the keys out, or name the other file in base"
                raise ConstructorError(None, None, said, key.start_mark)
            if key.value in lines:
                said = f"'{key.value}' stands there twice, in lines {lines[key.value]} and {line}; leave one"
                raise ConstructorError(None, None, said, key.start_mark)
            lines[key.value] = line
        return super().construct_mapping(node, deep)

    def construct_yaml_bool(self, node: yaml.ScalarNode) -> bool:
        return node.value.lower() == "true"

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        text = _short(node)
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        return float(_short(node).lower().replace(".inf", "inf").replace(".nan", "nan"))


def _short(node: yaml.ScalarNode) -> str:
    if len(node.value) > _DIGITS:
        raise ConstructorError(None, None, f"a number of {len(node.value)} digits", node.start_mark)
    return node.value


class _Dumper(yaml.SafeDumper):
    """Writes what :class:`_Loader` reads: strings that it would take for numbers in quotes, nothing by alias."""

    yaml_implicit_resolvers: ClassVar = {
        first: list(rows) for first, rows in yaml.SafeDumper.yaml_implicit_resolvers.items()
    }

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _tag, _form, _first in _SCALARS:
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_form})$"), _first)
for _tag in ("bool", "int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", getattr(_Loader, f"construct_yaml_{_tag}"))


def parse(text: str, name: object) -> Any:
    """A YAML text as plain data; of an empty one ``None``.

    Args:
        name: of the file or option that it is from, for messages.

    Raises:
        TimbreError: naming it, the place and the reason.
    """
    loader = None
    try:
        loader = _Loader(text)
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        said = ", ".join(filter(None, (error.context, error.problem)))
        raise TimbreError(f"{name}: not plain YAML: {said}{_place(error.problem_mark)}") from None
    except yaml.YAMLError as error:
        raise TimbreError(f"{name}: not plain YAML: {' '.join(str(error).split())}") from None
    finally:
        if loader:
            loader.dispose()


def read(path: str | Path) -> Any:
    """A YAML file as plain data.

    Raises:
        TimbreError: naming the file, where it cannot be read or is not plain YAML.
    """
    return parse("\n".join(line for _, line in read_lines(path)), path)


def dump(values: Any) -> str:
    """Plain data as YAML, keys in their order, for :func:`read`."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def _place(mark: Mark | None) -> str:
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
