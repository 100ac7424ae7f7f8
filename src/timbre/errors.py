"""The one kind of failure that a user is meant to read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TimbreError(Exception):
    """A failure with its cause and its mend in the message.

    The message names the utterance or key, the file, the reason and what to do. Command lines print it
    as one line without a traceback and exit 1 (``timbre.stages.command``).
    """


class AudioError(TimbreError):
    """Audio that cannot be used; the message says which and why."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``" (did you mean 'x'?)"`` for the known word nearest to ``word``, or the known words, or ``""``."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f" (did you mean '{near[0]}'?)"
    return f" (known: {', '.join(known)})" if known else ""


def some(names: Iterable[str], most: int = 5) -> str:
    """The first few of ``names``, and how many more there are: ``a, b, c and 7 more``."""
    names = list(names)
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
