"""Mean (and variance) normalisation over a sliding window, the whole utterance, or all of a training part.

Kaldi's apply-cmvn-sliding (feature-functions.cc, SlidingWindowCmn), centred: frame t is normalised by the
window [t − w//2, t − w//2 + w), shifted, not shrunk, to lie in the utterance; the variance is floored at 1e-10.
The whole utterance is a window at least as long as it.

Over a training part of n frames x, mean and deviation are what every utterance is normalised by, of whatever part:

    μ = Σ x / n,   σ² = Σ x² / n − μ²   per dimension, or over all of them as well where they are of one kind
"""

from __future__ import annotations

from collections.abc import Iterable

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


def global_statistics(utterances: Iterable[np.ndarray], norm_vars: bool, uniform: bool) -> np.ndarray:
    """Mean and inverse deviation ``(2, F)`` float32 of all frames ``(T, F)``, read once and summed in float64.

    Args:
        norm_vars: without it the inverse deviation is 1; with it 0 of a dimension that never varies, which tells
            nothing, and would swamp the others wherever it did.
        uniform: one mean and one deviation, repeated for all F dimensions.
    """
    count, sums = 0, np.zeros((2, 1))
    for frames in utterances:
        exact = frames.astype(np.float64)
        count, sums = count + len(frames), sums + np.stack([exact.sum(axis=0), np.square(exact).sum(axis=0)])
    mean, power = sums / count
    if uniform:
        mean, power = np.full_like(mean, mean.mean()), np.full_like(power, power.mean())
    variance = power - mean**2 if norm_vars else np.ones_like(mean)
    scale = 1 / np.sqrt(np.maximum(variance, VARIANCE_FLOOR))
    return np.stack([mean, np.where(variance > VARIANCE_FLOOR, scale, 0)]).astype(np.float32)


def mean_and_deviation(frames: np.ndarray) -> np.ndarray:
    """The vector (2F,) float32 of frames (T, F), T ≥ 1: means, then population standard deviations."""
    frames = frames.astype(np.float64)
    return np.concatenate([frames.mean(axis=0), frames.std(axis=0)]).astype(np.float32)


def _window_sums(values: np.ndarray, begin: np.ndarray, size: int) -> np.ndarray:
    """The sums over ``values[b : b + size]`` for each ``b`` of ``begin``, by differences of cumulative sums."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    return sums[begin + size] - sums[begin]
