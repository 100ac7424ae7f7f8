"""LDA: the directions that scikit-learn finds, in Kaldi's scale."""

from __future__ import annotations

import numpy as np
import pytest
from messages import refused
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from timbre.scoring import lda
from timbre.scoring.lda import class_means, fit_lda


@pytest.fixture
def vectors() -> tuple[np.ndarray, np.ndarray]:
    """Ninety vectors of six dimensions and seven speakers with different numbers of utterances, in no order."""
    generator = np.random.default_rng(0)
    labels = generator.permutation(np.concatenate([np.arange(7), generator.integers(0, 7, 83)]))
    spread = generator.normal(size=(6, 6))
    return (generator.normal(size=(7, 6))[labels] + generator.normal(size=(90, 6))) @ spread + 5, labels


def test_directions_are_those_of_scikit_learn(monkeypatch, vectors):
    matrix, labels = vectors
    wanted = LinearDiscriminantAnalysis(solver="eigen").fit(matrix, labels).scalings_.T[:4]
    monkeypatch.setattr(lda, "_BLOCK", 17)
    found = fit_lda(matrix, labels, dim=4)
    signs = np.sign((found * wanted).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(signs * found, wanted, rtol=1e-6)


def test_within_speakers_the_covariance_becomes_the_unit_matrix(vectors):
    matrix, labels = vectors
    projected = matrix @ fit_lda(matrix, labels).T
    offsets = projected - class_means(projected, labels)[0][labels]
    np.testing.assert_allclose(offsets.T @ offsets / 90, np.eye(6), atol=1e-9)


def test_dimensions_are_as_many_as_speakers_allow(vectors):
    matrix, labels = vectors
    assert fit_lda(matrix, labels).shape == (6, 6)
    assert fit_lda(matrix, labels % 3).shape == (2, 6)
    with refused("--lda-dim 3", "3 speakers", "6 dimensions", "1 to 2"):
        fit_lda(matrix, labels % 3, dim=3)


def test_a_dimension_that_never_varies_does_no_harm(vectors):
    matrix, labels = vectors
    matrix[:, 2] = 1
    found = fit_lda(matrix, labels)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(
        found[0] @ matrix.T,
        fit_lda(np.delete(matrix, 2, 1), labels)[0]
        @ np.delete(matrix, 2, 1).T
        * np.sign(found[0, 0] * fit_lda(np.delete(matrix, 2, 1), labels)[0, 0])
        + found[0, 2],
        rtol=1e-6,
    )


def test_what_cannot_be_analysed_is_refused(vectors):
    matrix, labels = vectors
    with refused("8 training utterances", "3 speakers", "--backend cosine"):
        fit_lda(matrix[:8], np.arange(8) % 3)
    with refused("all 6 dimensions", "LDA"):
        fit_lda(np.ones((90, 6)), labels)
