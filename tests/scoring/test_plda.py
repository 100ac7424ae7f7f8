"""PLDA: Kaldi's model and scores, and what the mathematics says beside."""

from __future__ import annotations

import numpy as np
import pytest
from messages import refused

from timbre.scoring.plda import Plda, fit_plda


@pytest.fixture(scope="module")
def kaldi_training(kaldi, kaldi_text):
    """The fixtures' training vectors (360, 12) and speakers (360,)."""
    lines = (kaldi / "plda_train_spk2utt").read_text().splitlines()
    speaker = {utt: line.split()[0] for line in lines for utt in line.split()[1:]}
    vectors = kaldi_text("plda_train.ark.txt")
    labels = np.unique([speaker[utt] for utt in vectors], return_inverse=True)[1]
    return np.concatenate(list(vectors.values())), labels


def drawn(speakers: int, counts, dim: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (N, dim) of speakers with 1 + k mod counts utterances, in no order, and their labels."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.repeat(np.arange(speakers), 1 + np.arange(speakers) % counts))
    mixing = generator.normal(size=(dim, dim))
    vectors = 2 * generator.normal(size=(speakers, dim))[labels] + generator.normal(size=(len(labels), dim))
    return vectors @ mixing + 3, labels


def test_training_is_kaldis(kaldi, kaldi_training):
    wanted, found = Plda.read(kaldi / "plda.txt"), fit_plda(*kaldi_training)
    np.testing.assert_allclose(found.mean, wanted.mean, rtol=1e-5)
    np.testing.assert_allclose(found.psi, wanted.psi, rtol=1e-5)
    signs = np.sign((found.transform * wanted.transform).sum(axis=1, keepdims=True))  # of eigenvectors: any
    np.testing.assert_allclose(signs * found.transform, wanted.transform, atol=1e-5)


@pytest.mark.parametrize("trained", ["by Kaldi", "here"])
@pytest.mark.parametrize("normalize_length", [True, False])
def test_scores_are_kaldis(kaldi, kaldi_text, kaldi_training, normalize_length, trained):
    plda = Plda.read(kaldi / "plda.txt") if trained == "by Kaldi" else fit_plda(*kaldi_training)
    enrol, test = kaldi_text("plda_enrol.ark.txt"), kaldi_text("plda_test.ark.txt")
    number = dict(line.split() for line in (kaldi / "plda_num_utts").read_text().splitlines())
    counts = np.array([int(number[name]) for name in enrol])
    rows = plda.enrol_rows(plda.transformed(np.concatenate(list(enrol.values())), counts, normalize_length), counts)
    others = plda.test_rows(plda.transformed(np.concatenate(list(test.values())), 1, normalize_length))
    lines = (kaldi / f"plda_scores_norm_{str(normalize_length).lower()}.txt").read_text().split("\n")[:-1]
    pairs = [(list(enrol).index(line.split()[0]), list(test).index(line.split()[1])) for line in lines]
    wanted = np.array([float(line.split()[2]) for line in lines])
    np.testing.assert_allclose((rows @ others.T)[tuple(zip(*pairs, strict=True))], wanted, rtol=1e-3)


def test_speakers_of_any_number_of_utterances_are_estimated_as_with_an_inverse_for_each():
    vectors, labels = drawn(30, 4)
    speakers = [vectors[labels == label] for label in range(30)]
    means = np.array([rows.mean(axis=0) for rows in speakers])
    centre = means.mean(axis=0)
    within = between = np.eye(5)
    for _ in range(10):  # as the docstring has it, in the vectors' own coordinates
        new_within, new_between = np.zeros((5, 5)), np.zeros((5, 5))
        for rows, mean in zip(speakers, means - centre, strict=True):
            n = len(rows)
            covariance = np.linalg.inv(np.linalg.inv(between) + n * np.linalg.inv(within))
            w = n * covariance @ np.linalg.inv(within) @ mean
            new_between += covariance + np.outer(w, w)
            offsets = rows - rows.mean(axis=0)
            new_within += offsets.T @ offsets + n * (covariance + np.outer(mean - w, mean - w))
        within, between = new_within / len(vectors), new_between / 30
    found = fit_plda(vectors, labels)
    np.testing.assert_allclose(found.mean, centre)
    np.testing.assert_allclose(found.transform @ within @ found.transform.T, np.eye(5), atol=1e-8)
    np.testing.assert_allclose(found.transform @ between @ found.transform.T, np.diag(found.psi), atol=1e-8)


def test_the_score_is_the_ratio_of_the_two_densities():
    plda = fit_plda(*drawn(40, 5))
    generator = np.random.default_rng(1)
    u, t = generator.normal(size=(3, 5)), generator.normal(size=(4, 5))
    counts = np.array([1, 2, 7])
    found = plda.enrol_rows(u, counts) @ plda.test_rows(t).T

    def log_density(x: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> float:
        return float(-((x - mean) ** 2 / variance + np.log(variance)).sum() / 2)

    for i, n in enumerate(counts):
        share, variance = n * plda.psi / (n * plda.psi + 1), 1 + plda.psi / (n * plda.psi + 1)
        for j in range(4):
            wanted = log_density(t[j], share * u[i], variance) - log_density(t[j], 0 * u[i], 1 + plda.psi)
            assert found[i, j] == pytest.approx(wanted)
    one = plda.enrol_rows(u) @ plda.test_rows(u).T
    np.testing.assert_allclose(one, one.T)  # with one utterance a side, enrolment and test are the same


def test_fewer_speakers_than_dimensions_give_finite_scores():
    vectors, labels = drawn(4, 1, dim=12)
    labels, generator = np.repeat(labels, 20), np.random.default_rng(2)
    vectors = np.repeat(vectors, 20, axis=0) + generator.normal(size=(80, 12))
    vectors[:, 5] = 7  # and a unit of the network that is dead
    plda = fit_plda(vectors, labels)
    u = plda.transformed(vectors)
    scores = plda.enrol_rows(u) @ plda.test_rows(u).T
    assert np.isfinite(scores).all()
    same = labels[:, None] == labels
    assert scores[same].mean() > scores[~same].mean() + 5


def test_the_mean_itself_has_a_score():
    plda = fit_plda(*drawn(40, 5))
    u = plda.transformed(plda.mean[None])
    assert np.isfinite(plda.enrol_rows(u) @ plda.test_rows(u).T).all()


def test_too_little_data_is_refused_with_what_to_do():
    vectors, labels = drawn(10, 1)
    with refused("10 training utterances", "10 speakers", "5 dimensions", "--backend cosine"):
        fit_plda(vectors, labels)
    with refused(" 1 speakers"):
        fit_plda(vectors, 0 * labels)
    with refused("3 dimensions", "PLDA", 5):
        fit_plda(*drawn(40, 5)).transformed(np.ones((2, 3)))
