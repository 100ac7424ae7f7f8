"""Batches of an epoch, read by the training process or by others (``train.workers``), which cannot wait for ever.

Processes hand tensors over in shared memory (/dev/shm) by file handles. Where there is too little of either, torch
would lose the batch and wait for it: here the batch goes through a pipe then, which takes longer.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import multiprocessing
import os
import pickle
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader, Dataset

from timbre.errors import MachineError, TimbreError, doing, machine_fault

log = logging.getLogger(__name__)

_SPARE_HANDLES = 16  # for the sockets by which handles are passed on


class _Failed(NamedTuple):
    """What a reading process could not do, in a line."""

    kind: type[TimbreError]
    message: str


class _Piped(NamedTuple):
    """A batch in bytes."""

    data: bytes


def read_batches(batches: Dataset, first: int, workers: int, pin_memory: bool) -> Iterator[Any]:
    """The batches from place ``first`` on, in their order, read by so many processes (0: by this one).

    Raises:
        TimbreError: what a reading process raised.
        MachineError: where one of them was ended, or cannot be started.
    """
    needs = f" by train.workers={workers} processes, which need memory, /dev/shm and file handles (0 needs none)"
    loader = DataLoader(
        _Sent(batches) if workers else batches,
        batch_size=None,
        sampler=range(first, len(batches)),
        num_workers=workers,
        collate_fn=_as_it_is if workers else None,
        pin_memory=pin_memory,
    )
    with doing(f"reading batches{needs if workers else ''}"):
        _require_locks(workers)
        _require_handles(8 * workers)
        for batch in loader:
            if isinstance(batch, _Failed):
                raise batch.kind(batch.message)
            if isinstance(batch, _Piped):
                _warn_once(workers)
                batch = pickle.loads(batch.data)  # from a process of our own
            yield batch


def _require_locks(workers: int) -> None:
    """Raises an OSError where /dev/shm has no room for the locks of so many processes; torch is noisy about it."""
    locks = [multiprocessing.Lock() for _ in range(4 * (workers + 1) if workers else 0)]
    del locks


@functools.cache
def _warn_once(workers: int) -> None:
    """The log and the screen say that batches go through a pipe."""
    said = (
        f"train.workers={workers}: too little shared memory (/dev/shm) or too few file handles (ulimit -n) for "
        "their batches, which take a slower way; docker run --shm-size makes /dev/shm larger"
    )
    log.warning("%s", said)
    print(f"WARNING: {said}", file=sys.stderr)


class _Sent(Dataset):
    """Batches in a form that a queue between processes takes, whatever the machine lacks."""

    def __init__(self, batches: Dataset) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, place: int) -> Any:
        try:
            batch = self._batches[place]
        except Exception as error:
            if isinstance(error, TimbreError):
                return _Failed(type(error), str(error))
            if said := machine_fault(error):
                return _Failed(MachineError, f"batch {place + 1}: {said}")
            raise
        try:
            _share(batch)
            _require_handles(_SPARE_HANDLES)
        except (OSError, RuntimeError):
            return _Piped(pickle.dumps(batch))
        return batch


def _as_it_is(batch: Any) -> Any:
    return batch


def _share(value: Any) -> None:
    """Moves the tensors of a batch into shared memory."""
    if isinstance(value, torch.Tensor):
        value.share_memory_()
    elif isinstance(value, dict | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            _share(each)


def _require_handles(count: int) -> None:
    """Raises an OSError where this process could not open so many more files."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
