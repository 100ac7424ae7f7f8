"""Training in several processes, on one machine or many, as ``torchrun`` and :func:`launch` start them.

Each process computes its rows of every batch; gradients, BatchNorm statistics and what is logged are those of the
whole batch, so the number of processes changes the speed and nothing else. Without ``torchrun`` there is one
process, and all here does nothing.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed

from timbre.errors import TimbreError

WAIT = timedelta(hours=2)
"""How long a process waits for the others: the first one embeds the held-out speakers while they wait."""


def launch(processes: int, nodes: int, rendezvous: str, name: str, arguments: Sequence[str]) -> None:
    """Runs ``timbre <arguments>`` in so many processes on each of ``nodes`` machines, which meet at ``rendezvous``.

    ``name`` is the same on all machines, and of no other run. A failure of one process ends all. Torch's files
    about the processes lie in a temporary folder until they end.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, len(os.sched_getaffinity(0)) // processes)))
    with tempfile.TemporaryDirectory(prefix="timbre-processes-", ignore_cleanup_errors=True) as logs:
        config = LaunchConfig(
            nodes,
            nodes,
            processes,
            run_id=hashlib.sha256(name.encode()).hexdigest()[:16],  # torch names folders by it: a path would be one
            rdzv_backend="c10d",
            rdzv_endpoint=rendezvous,
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=logs),
        )
        try:
            elastic_launch(config, sys.executable)("-m", "timbre", *arguments)
        except ChildFailedError as error:
            failed = sorted(error.failures)
            said = f"process {failed[0]} of {processes * nodes} failed; its message stands above"
            raise TimbreError(said) from None


@contextmanager
def joined(device: torch.device) -> Iterator[torch.device]:
    """The block runs as one of ``torchrun``'s processes; gives the device of this one."""
    if not started():
        yield device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=WAIT)
    try:
        yield device
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def started() -> bool:
    """Whether this is a process that ``torchrun`` or :func:`launch` has started."""
    return "WORLD_SIZE" in os.environ


def share() -> tuple[int, int]:
    """``(which process this is, of how many)``."""
    if not distributed.is_initialized():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def is_first() -> bool:
    """Whether this process writes files and speaks."""
    return share()[0] == 0


def leave() -> None:
    """Ends the work in common, when all have come to its end; the first process goes on alone, the others exit.

    They exit without taking anything apart: what is left of gloo's last barrier waits for the interpreter, and the
    interpreter, dropping the process group, would wait for it.
    """
    if distributed.is_initialized():
        distributed.barrier()
        if not is_first():
            os._exit(0)
        distributed.destroy_process_group()


def mean(values: Tensor) -> Tensor:
    """The mean over the processes of each of ``values``, in place."""
    if distributed.is_initialized():
        distributed.all_reduce(values)
        values /= distributed.get_world_size()
    return values


def from_first(value: Any) -> Any:
    """The first process's ``value``, in all of them."""
    box = [value]
    if distributed.is_initialized():
        distributed.broadcast_object_list(box)
    return box[0]


class _Gather(torch.autograd.Function):
    """All processes' rows; backwards a process's own rows' gradient, times the number of processes.

    Every process computes the loss of all rows, and gradients are averaged over processes: the average of
    W · ∂L/∂(own rows) is the sum over all rows that one process would have.
    """

    @staticmethod
    def forward(context, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(share()[1])]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context, gradient: Tensor) -> Tensor:
        which, processes = share()
        return processes * gradient.chunk(processes)[which]


def gather(rows: Tensor) -> Tensor:
    """The rows ``(B, …)`` of all processes, in their order."""
    return _Gather.apply(rows) if distributed.is_initialized() else rows
