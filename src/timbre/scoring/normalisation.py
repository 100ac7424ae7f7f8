"""S-norm and AS-norm: scores as deviations from what each side scores against a cohort of other speakers.

With μ_e, σ_e the mean and the standard deviation of e's scores against the cohort, and μ_t, σ_t of t's,

    s'(e, t) = ½ ((s(e, t) − μ_e) / σ_e + (s(e, t) − μ_t) / σ_t)

over the whole cohort (S-norm, Kenny 2010), or over the ``top`` members that score highest against e, or t,
itself (AS-norm, Cumani et al. 2011; AS-norm1 of Matějka et al. 2017). Each distinct e and t meets the cohort once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from timbre.errors import TimbreError

TOP = 300
_BLOCK = 1 << 22  # scores against the cohort at a time


@dataclass(frozen=True)
class CohortScores:
    """The ``mean`` (N,) and ``deviation`` (N,) of N embeddings' scores against a cohort, float64."""

    mean: np.ndarray
    deviation: np.ndarray


def cohort_scores(rows: np.ndarray, cohort: np.ndarray, top: int | None, keys: list[str]) -> CohortScores:
    """Means and deviations of the inner products of ``rows`` (N, P) with ``cohort`` (C, P).

    Args:
        top: over so many of the highest scores of each row, all where the cohort is smaller; ``None`` for all.
        keys: the rows' ids, for messages.
    Raises:
        TimbreError: for a cohort of fewer than two speakers (or ``top`` < 2), and for an embedding that scores
            the same against all of it: there is nothing to divide by.
    """
    size = min(top or len(cohort), len(cohort))
    if size < 2:
        raise TimbreError(
            f"a cohort of {len(cohort)} speakers, of which {size} count: no deviation of scores; train on more "
            "speakers, or take a back-end without +snorm and +asnorm"
        )
    mean, deviation = np.empty(len(rows)), np.empty(len(rows))
    step = max(1, _BLOCK // len(cohort))
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        scores = rows[block] @ cohort.T
        if size < len(cohort):
            scores = np.partition(scores, len(cohort) - size, axis=1)[:, len(cohort) - size :]
        mean[block] = scores.mean(axis=1, dtype=np.float64)
        deviation[block] = scores.std(axis=1, dtype=np.float64)
    constant = np.flatnonzero(~(deviation > 1e-6 * np.abs(mean)))  # below it is the rounding of equal scores
    if len(constant):
        raise TimbreError(
            f"'{keys[constant[0]]}' scores {mean[constant[0]]:g} against all of the cohort, and cannot be "
            "normalised; look at the cohort's embeddings, or take a back-end without +snorm and +asnorm"
        )
    return CohortScores(mean, deviation)


def symmetric(
    scores: np.ndarray, enrol: CohortScores, test: CohortScores, enrol_rows: np.ndarray, test_rows: np.ndarray
) -> np.ndarray:
    """Normalised scores (N,) of trials' ``scores`` (N,), whose sides are rows (N,) of ``enrol`` and ``test``."""
    sides = ((enrol, enrol_rows), (test, test_rows))
    return sum((scores - side.mean[rows]) / side.deviation[rows] for side, rows in sides) / 2
