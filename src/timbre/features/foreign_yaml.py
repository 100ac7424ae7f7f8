"""YAML of other toolkits, of which a few keys are wanted: nothing is built, and only what is asked for is read.

A file may have tags (``!new:package.Class``, ``!ref <key>``, ``!apply:function``, ``!!python/object``), anchors and
aliases. Tags are never followed: they are text beside a node. Only the nodes that are asked for become plain data,
so that pages of aliases cost nothing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from timbre.errors import TimbreError, fault

_MOST_BYTES, _MOST_VALUES, _MOST_LEVELS = 1_000_000, 10_000, 20
_REFERENCE = re.compile(r"<([A-Za-z_]\w*)>$")


class _Loader(yaml.SafeLoader):
    """Of which only the parser is used; it goes no deeper than a configuration does."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node:
        if self._depth > _MOST_LEVELS:
            raise yaml.composer.ComposerError(None, None, f"more than {_MOST_LEVELS} levels")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class ForeignYaml:
    """A mapping in a file, its values by their keys.

    Raises:
        TimbreError: naming the file, where it cannot be read, or is no mapping.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise TimbreError(f"{path}: {path.stat().st_size:,} bytes, too large for a toolkit's configuration")
            root = yaml.compose(path.read_text(encoding="utf-8"), _Loader)
        except OSError as error:
            raise TimbreError(f"{path}: cannot be read: {fault(error)}") from None
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            why = (str(error) or type(error).__name__).splitlines()[0]
            raise TimbreError(f"{path}: not YAML ({why})") from None
        if not isinstance(root, yaml.MappingNode):
            raise TimbreError(f"{path}: expected keys and values")
        self._nodes = {key.value: value for key, value in root.value if isinstance(key, yaml.ScalarNode)}

    def __contains__(self, key: str) -> bool:
        return key in self._nodes

    def tag(self, key: str) -> str:
        """What a value is tagged with, ``new:package.Class``; "" without a tag of its own."""
        tag = getattr(self._nodes.get(key), "tag", "")
        return tag[1:] if tag.startswith("!") else ""

    def get(self, key: str, default: Any = None) -> Any:
        """A value as plain data: of a tagged part what is behind the tag, of a reference ``!ref <key>`` its value.

        Raises:
            TimbreError: naming the file and the key, for more than a configuration holds.
        """
        if key not in self._nodes:
            return default
        self._left = _MOST_VALUES
        return self._plain(self._nodes[key], key, 0)

    def section(self, key: str) -> dict[str, Any]:
        """A value that is a mapping, or missing and then empty.

        Raises:
            TimbreError: naming the file and the key, where it is something else.
        """
        found = self.get(key)
        if not isinstance(found, dict | None):
            raise TimbreError(f"{self.path}: {key}: expected keys and values")
        return found or {}

    def _plain(self, node: yaml.Node, key: str, level: int) -> Any:
        self._left -= 1
        if self._left < 0 or level > _MOST_LEVELS:
            raise TimbreError(f"{self.path}: {key}: more than {_MOST_VALUES:,} values, or {_MOST_LEVELS} levels")
        if isinstance(node, yaml.MappingNode):
            return {
                str(name.value): self._plain(value, key, level + 1)
                for name, value in node.value
                if isinstance(name, yaml.ScalarNode)
            }
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(value, key, level + 1) for value in node.value]
        named = _REFERENCE.match(node.value) if node.tag == "!ref" else None
        if named and named[1] in self._nodes:
            return self._plain(self._nodes[named[1]], key, level + 1)
        return _scalar(node)


def _scalar(node: yaml.ScalarNode) -> Any:
    text = node.value
    if node.style is not None or len(text) > 100:
        return text
    if text.lower() in ("true", "yes", "on", "false", "no", "off"):
        return text.lower() in ("true", "yes", "on")
    if text.lower() in ("", "~", "null"):
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
