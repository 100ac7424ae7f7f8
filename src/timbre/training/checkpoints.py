"""The checkpoints of a training: when one is due, the last two on disk, and what is lost between one and a kill.

A checkpoint takes its name when it is whole, and the one before is kept beside it: where a disk has damaged the
newest, training goes on from the other. When checkpoints are saved does not change the result.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from timbre.features.tensors import DamagedError, load_tensors, save_tensors
from timbre.training import processes

log = logging.getLogger(__name__)

NEWEST = "checkpoint.pt"
_BEFORE = "checkpoint_before.pt"
_REACHED = "steps_done"


class Checkpoints:
    """Of a training in ``directory``; the first process alone writes, and all read the same."""

    def __init__(self, directory: Path, steps: int, minutes: float) -> None:
        """``steps``, ``minutes``: a checkpoint is due when so many have passed since the last."""
        self._newest, self._before, self._reached = (directory / name for name in (NEWEST, _BEFORE, _REACHED))
        self._steps, self._seconds = steps, 60 * minutes
        self._last = (0, time.monotonic())
        self._notes: BinaryIO | None = None

    def due(self, done: int) -> bool:
        """Whether one is to be saved after ``done`` steps of the whole training."""
        step, moment = self._last
        return done - step >= self._steps or time.monotonic() - moment >= self._seconds

    def save(self, state: dict[str, Any], done: int) -> None:
        """Writes ``state``, after ``done`` steps; the checkpoint before is kept beside it."""
        if processes.is_first():
            if self._newest.exists():
                os.replace(self._newest, self._before)
            save_tensors(self._newest, state)
        self._last = (done, time.monotonic())

    def load(self) -> dict[str, Any] | None:
        """The newest checkpoint that is whole, ``None`` where there is none; a damaged one is named and removed.

        Raises:
            TimbreError: for one that cannot be opened.
        """
        path, state = self._newest_whole() if processes.is_first() else (None, None)
        path = processes.from_first(path)
        return load_tensors(path) if path and state is None else state

    def begin(self, done: int) -> int | None:
        """Training begins, or goes on, after ``done`` steps: how many steps it had done beyond them, if known."""
        self._last, reached = (done, time.monotonic()), None
        if processes.is_first():
            with contextlib.suppress(OSError, ValueError):
                reached = int(self._reached.read_text(encoding="utf-8"))
            self._notes = open(self._reached, "wb", buffering=0)  # noqa: SIM115
            self.note(done)
        return None if reached is None else max(reached - done, 0)

    def note(self, done: int) -> None:
        """Leaves on disk that ``done`` steps are done: a line that is overwritten, for :meth:`begin`."""
        if self._notes:
            with contextlib.suppress(OSError):  # nothing but a message depends on it
                self._notes.seek(0)
                self._notes.write(f"{done:12}\n".encode())

    def end(self) -> None:
        """Removes what is of no use when all steps are done; the last checkpoint stays."""
        if self._notes:
            self._notes.close()
            for path in (self._before, self._reached):
                path.unlink(missing_ok=True)

    def _newest_whole(self) -> tuple[Path | None, dict[str, Any] | None]:
        for path in (self._newest, self._before):
            if path.exists():
                try:
                    return path, load_tensors(path, "it is removed")
                except DamagedError as error:
                    path.unlink()
                    said = f"{error}; training goes on from the checkpoint before it, or from the beginning"
                    log.warning("%s", said)
                    print(f"WARNING: {said}", file=sys.stderr)
        return None, None
