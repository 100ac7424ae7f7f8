"""Which utterances to embed together."""

from __future__ import annotations

import numpy as np


def length_batches(lengths: np.ndarray, device: str = "cpu") -> list[np.ndarray]:
    """Index arrays that together cover ``lengths``: one by one on a CPU, 32 of like length on a GPU."""
    order = np.argsort(lengths, kind="stable")
    size = 1 if device == "cpu" else 32
    return [order[first : first + size] for first in range(0, len(order), size)]
