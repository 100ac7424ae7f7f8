"""The systems of a command line: one that is evaluated, and others by name to compare it with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from timbre.errors import TimbreError


def named_system(
    text: str, is_output: Callable[[Path], bool], expected: str, option: str = "--system"
) -> tuple[str, str]:
    """Name and output of ``NAME=OUTPUT``; both may hold ``=``, as experiments' names do: the output is there.

    Args:
        is_output: whether a path is a system's output.
        expected: ``SCORES with …; <step> makes it``, for the message, as is the ``option`` that gave the text.
    """
    parts = text.split("=")
    for place in range(1, len(parts)):
        name, output = "=".join(parts[:place]), "=".join(parts[place:])
        if name and is_output(Path(output)):
            return name, output
    raise TimbreError(f"{option} {text}: expected NAME={expected}")


def by_name(systems: Iterable[tuple[str, str]]) -> dict[str, str]:
    """``{name: output}`` in the order given; a name that comes twice is refused."""
    found: dict[str, str] = {}
    for name, output in systems:
        if name in found:
            raise TimbreError(f"two systems are called '{name}'; give them different names")
        found[name] = output
    return found
