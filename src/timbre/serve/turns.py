"""One request at a time with the model, few in line, and none for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLong
from typing import TypeVar

from werkzeug.exceptions import ServiceUnavailable, TooManyRequests

AGAIN = 1
"""Seconds after which a request that was sent away may come again."""
T = TypeVar("T")


class Turns:
    """A line before the one thread that uses the model: its arrays are in that thread's memory only.

    Args:
        line: who has the model, and who waits for it.
        wait: seconds for it, and
        soon: seconds for a place in the line.
    """

    def __init__(self, line: int, wait: float, soon: float) -> None:
        self._places = threading.BoundedSemaphore(line)
        self._thread = ThreadPoolExecutor(1, "model")
        self._wait, self._soon = wait, soon

    def run(self, task: Callable[[], T]) -> T:
        """What the task returns or raises. One that has begun is waited for, as it may have changed something.

        Raises:
            TooManyRequests: the line is full.
            ServiceUnavailable: the model was not free in time; the task was not begun.
        """
        if not self._places.acquire(timeout=self._soon):
            raise TooManyRequests("too many requests at once; try again in a moment", retry_after=AGAIN)
        try:
            begun = self._thread.submit(task)
            try:
                return begun.result(self._wait)
            except TooLong:
                if begun.cancel():
                    said = f"the model was busy for {self._wait:g} s; try again later"
                    raise ServiceUnavailable(said, retry_after=AGAIN) from None
            return begun.result()
        finally:
            self._places.release()
