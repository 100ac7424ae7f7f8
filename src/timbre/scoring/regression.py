"""Softmax regression (multinomial logistic regression) with an L2 penalty, its strength chosen by cross-validation.

    P(c | x) = softmax_c(w_c · x + b_c),     minimised: C Σ_n −log P(c_n | x_n) + ½ Σ_c ‖w_c‖²

C is that of :data:`STRENGTHS` with the lowest cross-entropy on what the folds leave out. Each w_c is a
weighted sum of training vectors; more dimensions than there are vectors are therefore turned into as many.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

STRENGTHS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
"""The C that are tried, from a strong penalty to a weak one."""

_LEAST = 1e-6  # of a probability: a class that a fold's training part lacks says nothing about C


def softmax_regression(
    train: np.ndarray,
    targets: np.ndarray,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    vectors: np.ndarray,
) -> np.ndarray:
    """Probabilities (N, C) of ``vectors`` (N, F).

    Args:
        train: standardised vectors (M, F); ``targets`` (M,) their classes 0 … C − 1.
        folds: rows of ``train`` to learn from and to choose C on; without any the middle one is taken.
    """
    if train.shape[1] > len(train):
        basis = np.linalg.svd(train, full_matrices=False)[2].T
        train, vectors = train @ basis, vectors @ basis
    losses = np.zeros(len(STRENGTHS))
    for learnt, left in folds:
        for number, model in enumerate(_path(train[learnt], targets[learnt], STRENGTHS)):
            found = np.zeros((len(left), targets.max() + 1))
            found[:, model.classes_] = model.predict_proba(train[left])
            losses[number] -= np.log(np.maximum(found[np.arange(len(left)), targets[left]], _LEAST)).sum()
    best = int(losses.argmin()) if len(folds) else len(STRENGTHS) // 2
    (model,) = _path(train, targets, STRENGTHS[best : best + 1])
    return model.predict_proba(vectors)


def _path(train: np.ndarray, targets: np.ndarray, strengths: Sequence[float]):
    """The models of ``strengths``, each fitted from the last one on; the same object with other weights."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=500, warm_start=True)
    for strength in strengths:
        with warnings.catch_warnings():  # what it has after so many steps is compared as it is
            warnings.simplefilter("ignore", ConvergenceWarning)
            yield model.set_params(C=strength).fit(train, targets)
