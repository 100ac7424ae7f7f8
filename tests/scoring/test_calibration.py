"""Calibration: the log-likelihood ratio that the scores were drawn from."""

from __future__ import annotations

import numpy as np
import pytest

from timbre.errors import TimbreError
from timbre.scoring.calibration import Calibration, cllr, fit


def drawn(targets: int = 20000, nontargets: int = 20000) -> tuple[np.ndarray, np.ndarray]:
    """Scores of N(3, 1) and N(1, 1): their log-likelihood ratio is 2 s − 4."""
    target = np.arange(targets + nontargets) < targets
    return np.random.default_rng(0).normal(size=len(target)) + np.where(target, 3, 1), target


@pytest.mark.parametrize("prior", [0.01, 0.5])
@pytest.mark.parametrize("targets", [4000, 20000])
def test_the_ratio_is_found_whatever_the_prior_and_the_numbers_of_trials(prior, targets):
    found = fit(*drawn(targets), prior=prior)
    assert found.a == pytest.approx(2, abs=0.15)
    assert found.b == pytest.approx(-4, abs=0.3)


def test_scale_and_place_of_the_scores_do_not_matter():
    scores, target = drawn()
    plain, moved = fit(scores, target), fit(1e-3 * scores + 50, target)
    np.testing.assert_allclose(moved.llr(1e-3 * scores + 50), plain.llr(scores), atol=1e-2)


def test_probability_is_bayes():
    assert Calibration(1.0, 0.0).probability(np.array([0.0, np.log(3)])).tolist() == pytest.approx([0.5, 0.75])
    assert Calibration(1.0, 0.0).probability(np.array([0.0]), prior=0.1)[0] == pytest.approx(0.1)


def test_cllr_is_one_bit_for_no_knowledge_and_least_when_calibrated():
    scores, target = drawn()
    assert cllr(np.zeros_like(scores), target) == pytest.approx(1)
    best = cllr(fit(scores, target).llr(scores), target)
    assert best < min(
        cllr(Calibration(2, -3.5).llr(scores), target), cllr(Calibration(2.3, -4).llr(scores), target)
    )


def test_scores_that_cannot_be_calibrated_are_refused():
    with pytest.raises(TimbreError, match=r"all 4 scores are 0.2: nothing to calibrate"):
        fit(np.full(4, 0.2), np.array([True, False, True, False]))
    with pytest.raises(TimbreError, match="4 target and 0 nontarget"):
        fit(np.arange(4.0), np.ones(4, dtype=bool))
