"""Cosine scores of trials from two tables of embeddings.

    score(e, t) = <e − m, t − m> / (|e − m| |t − m|)

with m the mean of the training embeddings, or nothing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from timbre.kaldi.trials import Trials, read_trials, write_scores
from timbre.scoring.embeddings import Embeddings, check_dimensions, products, read_mean


def cosine_scores(
    trials: Trials,
    enrol: Embeddings,
    test: Embeddings,
    mean: np.ndarray | None = None,
    trials_path: str | Path = "trials",
) -> np.ndarray:
    """Scores (N,) float32 of ``trials``, one for each, in their order.

    Raises:
        TimbreError: for an id without embedding (:meth:`Embeddings.rows`), for tables or a mean of different
            dimensions, for an embedding of length zero.
    """
    check_dimensions(enrol, test)
    enrol_rows, test_rows = enrol.rows(trials.enrol, trials_path), test.rows(trials.test, trials_path)
    enrol_matrix = enrol.normalised(mean)
    test_matrix = enrol_matrix if test is enrol else test.normalised(mean)
    return products(enrol_matrix, test_matrix, enrol_rows, test_rows)


def score_trials(
    trials_path: str | Path,
    enrol_scp: str | Path,
    test_scp: str | Path,
    scores_path: str | Path,
    mean_path: str | Path | None = None,
) -> str:
    """Reads trials and embeddings, writes cosine scores; returns a line for people."""
    trials = read_trials(trials_path)
    enrol = Embeddings.read(enrol_scp)
    test = enrol if Path(enrol_scp) == Path(test_scp) else Embeddings.read(test_scp)
    mean = read_mean(mean_path) if mean_path else None
    write_scores(scores_path, trials.enrol, trials.test, cosine_scores(trials, enrol, test, mean, trials_path))
    return f"{scores_path}: {len(trials)} trials scored"
