"""Where a classification errs: by class, by speaker, and which classes are confused; as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy

from timbre.scoring.bootstrap import intervals, with_intervals
from timbre.scoring.class_bootstrap import Decisions, class_rates

_CONFUSIONS, _EXAMPLES = 50, 3


def by_class(decisions: Decisions, draws: np.ndarray, classes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Count, recall, precision and F1 of each class of the truth; precision ``None`` where nothing is taken for it.

    Recall and F1 have the intervals of ``draws`` (R, S) of the units; replicates without the class are left out.
    """
    points = class_rates(decisions, np.ones((1, draws.shape[1])))
    drawn = class_rates(decisions, draws)
    recall = with_intervals(points.recall[0], intervals(drawn.recall))
    f1 = with_intervals(points.f1[0], intervals(drawn.f1))
    numbers = decisions.truth, decisions.predicted, decisions.truth[decisions.right]
    count, taken, right = (np.bincount(column, minlength=len(classes))[points.names] for column in numbers)
    precision = np.where(taken > 0, right / np.maximum(taken, 1), None)
    columns = count.tolist(), recall, precision.tolist(), f1
    keys = "count", "recall", "precision", "f1"
    names = [classes[number] for number in points.names]
    return dict(zip(names, (dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)), strict=True))


def by_speaker(decisions: Decisions, speakers: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Count, accuracy with its interval, and recall (the mean over the classes that they show) of each speaker.

    Args:
        speakers: (N,), the number among ``names`` of each utterance's speaker.
    """
    counts = np.zeros((2, len(names), int(decisions.truth.max()) + 1))
    np.add.at(counts[0], (speakers, decisions.truth), 1)
    np.add.at(counts[1], (speakers[decisions.right], decisions.truth[decisions.right]), 1)
    (count, right), shown = counts.sum(axis=2), counts[0] > 0
    accuracy = with_intervals(right / count, wilson(right, count))
    recall = (counts[1] / np.maximum(counts[0], 1)).sum(axis=1) / shown.sum(axis=1)
    rows = zip(names, count.astype(int).tolist(), accuracy, recall.tolist(), strict=True)
    return {name: {"count": n, "accuracy": rate, "recall": mean} for name, n, rate, mean in rows}


def wilson(right: np.ndarray, count: np.ndarray, level: float = 0.95) -> np.ndarray:
    """Lower and upper ends (2, K) of the binomial intervals of shares p = ``right`` / ``count``, (K,) each.

    With z the normal quantile of ``level`` and n the count (Wilson 1927, JASA 22; here as in Newcombe 1998,
    Statistics in Medicine 17, his method 3):

        (p + z²/2n ± z √(p (1 − p)/n + z²/4n²)) / (1 + z²/n)

    Utterances count as independent: it is about further utterances of one speaker, and not of others.
    """
    z, share = scipy.special.ndtri((1 + level) / 2), right / count
    centre = share + z**2 / (2 * count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return np.clip(np.stack([centre - half, centre + half]) / (1 + z**2 / count), 0, 1)


def confusions(
    truth: np.ndarray, predicted: np.ndarray, utterances: Sequence[str], classes: Sequence[str]
) -> list[dict[str, Any]]:
    """The pairs of classes that are confused, the most frequent first, with the first utterances of each."""
    wrong = np.flatnonzero(truth != predicted)
    pairs, place, counts = np.unique(
        np.stack([truth[wrong], predicted[wrong]], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    of = np.bincount(truth)
    wrong = wrong[np.argsort(place.reshape(-1), kind="stable")]
    starts = np.cumsum(counts) - counts
    return [
        {
            "truth": classes[pairs[i, 0]],
            "taken_for": classes[pairs[i, 1]],
            "count": int(counts[i]),
            "of": int(of[pairs[i, 0]]),
            "utterances": [utterances[row] for row in wrong[starts[i] : starts[i] + min(counts[i], _EXAMPLES)]],
        }
        for i in np.argsort(-counts, kind="stable")[:_CONFUSIONS]
    ]
