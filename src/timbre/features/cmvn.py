"""Mean (and variance) normalisation over a sliding window or the whole utterance.

Kaldi's apply-cmvn-sliding (feature-functions.cc, SlidingWindowCmn), centred: frame t is normalised by the
window [t − w//2, t − w//2 + w), shifted, not shrunk, to lie in the utterance; the variance is floored at 1e-10.
The whole utterance is a window at least as long as it.
"""

from __future__ import annotations

import numpy as np

VARIANCE_FLOOR = 1e-10


def sliding_cmvn(frames: np.ndarray, window: int | None, norm_vars: bool = False) -> np.ndarray:
    """``(T, F)`` → ``(T, F)`` float32, normalised over ``window`` frames (``None``: all of them)."""
    total = len(frames)
    size = total if window is None else min(window, total)
    begin = np.clip(np.arange(total) - size // 2, 0, total - size)
    exact = frames.astype(np.float64)
    mean = _window_sums(exact, begin, size) / size
    if not norm_vars:
        return (frames - mean).astype(np.float32)
    variance = _window_sums(exact**2, begin, size) / size - mean**2
    return ((frames - mean) / np.sqrt(np.maximum(variance, VARIANCE_FLOOR))).astype(np.float32)


def _window_sums(values: np.ndarray, begin: np.ndarray, size: int) -> np.ndarray:
    """The sums over ``values[b : b + size]`` for each ``b`` of ``begin``, by differences of cumulative sums."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    return sums[begin + size] - sums[begin]
