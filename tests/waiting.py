"""Waiting for other processes: as long as a busy machine needs, and not without end."""

from __future__ import annotations

import time
from collections.abc import Callable

LIMIT = 300
"""Seconds after which a test gives a process up: machines are slow when they are shared."""


def wait_for(condition: Callable[[], object], seconds: float = LIMIT) -> None:
    """Returns once ``condition()`` holds; fails after ``seconds``."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for nothing"
        time.sleep(0.02)
