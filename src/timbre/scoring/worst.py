"""The errors that a system is surest of, as plain data: what to listen to first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from timbre.kaldi.trials import Trials
from timbre.scoring.bootstrap import Speakers
from timbre.scoring.posteriors import Posteriors

WORST = 10
"""So many of each kind."""


def worst_trials(
    trials: Trials, scores: np.ndarray, speakers: Speakers, threshold: float, most: int = WORST
) -> dict[str, list[dict[str, Any]]]:
    """The false accepts with the highest scores and the false rejects with the lowest, farthest errors first.

    Trials of equal scores stand in the order of the list.

    Args:
        scores: (N,) of ``trials``, which are by ``speakers``.
        threshold: what scores at least as high are accepted at.
    """
    found = {}
    for kind, wrong, sign in (
        ("false_accepts", ~trials.target & (scores >= threshold), -1),
        ("false_rejects", trials.target & (scores < threshold), 1),
    ):
        rows = np.flatnonzero(wrong)
        rows = rows[np.argsort(sign * scores[rows], kind="stable")[:most]]
        found[kind] = [
            {
                "enrol": trials.enrol[row],
                "test": trials.test[row],
                "speakers": [speakers.names[speakers.enrol[row]], speakers.names[speakers.test[row]]],
                "score": float(scores[row]),
            }
            for row in rows
        ]
    return found


def worst_confusions(
    posteriors: Posteriors, labels: Sequence[str], predicted: Sequence[str], most: int = WORST
) -> list[dict[str, Any]]:
    """The utterances that are taken for a wrong class with the highest probability, and what is given to the truth.

    Args:
        labels: the true class (N,) of each utterance of ``posteriors``, one of its classes.
        predicted: the class (N,) that each is taken for.
    """
    column = {name: number for number, name in enumerate(posteriors.classes)}
    taken, truth = (np.array([column[name] for name in names]) for names in (predicted, labels))
    every = np.arange(len(truth))
    wrong = np.flatnonzero(taken != truth)
    wrong = wrong[np.argsort(-posteriors.matrix[every, taken][wrong], kind="stable")[:most]]
    return [
        {
            "utterance": posteriors.utterances[row],
            "truth": labels[row],
            "taken_for": predicted[row],
            "probability": float(posteriors.matrix[row, taken[row]]),
            "of_truth": float(posteriors.matrix[row, truth[row]]),
        }
        for row in wrong
    ]
