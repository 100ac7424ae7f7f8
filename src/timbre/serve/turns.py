"""One request at a time with the model, few in line, and none for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from werkzeug.exceptions import ServiceUnavailable, TooManyRequests

AGAIN = 1
"""Seconds after which a request that was sent away may come again."""


class Turns:
    """A lock with a line of bounded length.

    Args:
        line: who has the lock, and who waits for it.
        wait: seconds.
    """

    def __init__(self, line: int, wait: float) -> None:
        self._places = threading.BoundedSemaphore(line)
        self._lock = threading.Lock()
        self._wait = wait

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The block has the model for itself.

        Raises:
            TooManyRequests: the line is full.
            ServiceUnavailable: the lock was not to be had in time.
        """
        if not self._places.acquire(blocking=False):
            raise TooManyRequests("too many requests at once; try again in a moment", retry_after=AGAIN)
        try:
            if not self._lock.acquire(timeout=self._wait):
                raise ServiceUnavailable(
                    f"the model was busy for {self._wait:g} s; try again later", retry_after=AGAIN
                )
            try:
                yield
            finally:
                self._lock.release()
        finally:
            self._places.release()
