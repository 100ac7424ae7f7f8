"""The helper by which tests read messages fails where something is not named."""

from __future__ import annotations

import pytest
from messages import names, refused

from timbre.errors import TimbreError


def test_what_is_not_named_fails():
    assert names("a.wav: truncated", "a.wav")
    with pytest.raises(AssertionError), refused("b.wav"):
        raise TimbreError("a.wav: truncated")
    with pytest.raises(ValueError), refused("a.wav"):
        raise ValueError("a.wav")
    with pytest.raises(AssertionError):
        names("Traceback (most recent call last):\n a.wav", "a.wav")
