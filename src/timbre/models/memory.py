"""Whether an utterance fits into memory: what an encoder needs for T frames is measured on short ones.

Attention looks from each frame to each, so that an hour of audio may ask for more than any machine has. The bytes
that are alive after each operation of an encoder are a polynomial of second degree in T, found from three lengths;
what it needs for T frames is the largest of them there. What operations allocate for themselves is not seen (in
convolutions as much again).
"""

from __future__ import annotations

import math
import resource
import weakref
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from timbre.errors import AudioError

LONG = 12_000  # frames, two minutes; below it nobody asks
_MEASURED = (511, 1023, 1535)  # alike when halved, rounded up or down, and equally far apart
_SHARE = 0.6  # of the free memory that may be used
_needs: weakref.WeakKeyDictionary[nn.Module, np.ndarray] = weakref.WeakKeyDictionary()


def require_memory(encoder: nn.Module, batch: torch.Size, name: str, frame_shift: float | None = None) -> None:
    """Refuses a batch of long utterances that would not fit, with the length that does.

    Args:
        encoder: in evaluation mode, on its device.
        batch: (B, T, F).
        name: of the longest utterance, for the message.
        frame_shift: in ms, if it is known.
    """
    count, frames, dim = batch
    if frames <= LONG:
        return
    if encoder not in _needs:
        _needs[encoder] = _polynomials([_alive(encoder, length, dim) for length in _MEASURED])
    device = next(encoder.parameters()).device
    free = _SHARE * free_memory(device)
    if count * _bytes(encoder, frames) <= free:
        return
    most = next((length for length in _lengths(frames) if _bytes(encoder, length) <= free), 0)

    def said(length: float) -> str:
        return f"{length * frame_shift / 1000:.0f} s" if frame_shift else f"{length:,} frames"

    kind = type(encoder).__module__.rpartition(".")[2]
    raise AudioError(
        f"{name}: {said(frames)} of audio need about {count * _bytes(encoder, frames) / 1e9:.0f} GB in the encoder "
        f"({kind}), and {free / 1e9:.1f} GB are to be had; at most {said(most)} fit: cut it (segments)"
    )


def free_memory(device: torch.device) -> float:
    """Bytes that this process may still allocate: on the GPU, or on the machine, in its group and its limits."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    kilobytes = {
        key.rstrip(":"): int(value) for key, value, *_ in map(str.split, _lines("/proc/meminfo")) if value.isdigit()
    }
    found = [1024.0 * kilobytes["MemAvailable"]] if "MemAvailable" in kilobytes else []
    for most, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
        for folder in ("/sys/fs/cgroup", "/sys/fs/cgroup/memory"):
            numbers = [(_lines(f"{folder}/{name}") or [""])[0] for name in (most, used)]
            if all(number.isdigit() for number in numbers):
                found.append(float(numbers[0]) - float(numbers[1]))
    limit, size = resource.getrlimit(resource.RLIMIT_AS)[0], (_lines("/proc/self/statm") or ["0"])[0].split()[0]
    if limit != resource.RLIM_INFINITY:
        found.append(float(limit) - int(size) * resource.getpagesize())
    return min(found, default=math.inf)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _lengths(frames: int) -> list[int]:
    """Lengths to try, from the longest down, in steps of a tenth."""
    return [int(frames * 0.9**step) for step in range(1, 200)]


def _bytes(encoder: nn.Module, frames: int) -> float:
    return float((_needs[encoder] @ np.array([1.0, frames, frames**2])).max())


def _polynomials(alive: list[list[int]]) -> np.ndarray:
    """``(N, 3)``: c, a and b of c + a T + b T² through the bytes alive after each of N operations."""
    count = min(map(len, alive))  # alike, but for an encoder that does more steps for more frames
    first, middle, last = (np.array(values[:count], dtype=np.float64) for values in alive)
    start, step = _MEASURED[0], _MEASURED[1] - _MEASURED[0]
    second = last - 2 * middle + first
    second[second < 0.005 * last] = 0  # rounded lengths, not attention
    square = second / (2 * step**2)
    linear = (last - first) / (2 * step) - square * 2 * _MEASURED[1]
    return np.stack([first - linear * start - square * start**2, linear, square], axis=1)


@torch.no_grad()
def _alive(encoder: nn.Module, frames: int, dim: int) -> list[int]:
    """The bytes of the tensors that are alive after each operation of the encoder."""
    parameter = next(encoder.parameters())
    feats = torch.zeros(1, frames, dim, device=parameter.device)
    with _Watch() as watch:
        encoder(feats, torch.tensor([frames]))
    return watch.alive


class _Watch(TorchDispatchMode):
    """Counts the bytes of what operations return, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: list[int] = []
        self._now = 0
        self._users: Counter[int] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                place, size = storage.data_ptr(), storage.nbytes()
                self._users[place] += 1
                self._now += size * (self._users[place] == 1)
                weakref.finalize(tensor, self._let_go, place, size)
        self.alive.append(self._now)
        return out

    def _let_go(self, place: int, size: int) -> None:
        self._users[place] -= 1
        self._now -= size * (self._users[place] == 0)
