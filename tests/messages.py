"""What a refusal must name (the file, the key, the utterance, the remedy), whatever its sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from timbre.errors import TimbreError


def names(message: object, *wanted: object) -> bool:
    """Asserts that ``message`` has each of ``wanted`` and no traceback; ``True``, to stand in an assert."""
    text = str(message)
    missing = [str(word) for word in wanted if str(word) not in text]
    assert not missing, f"{missing} not named in: {text}"
    assert "Traceback (most recent call last)" not in text, text
    return True


@contextmanager
def refused(*wanted: object, error: type[Exception] = TimbreError) -> Iterator[pytest.ExceptionInfo]:
    """The block raises a :class:`TimbreError` whose message :func:`names` each of ``wanted``."""
    with pytest.raises(error) as caught:
        yield caught
    names(caught.value, *wanted)
