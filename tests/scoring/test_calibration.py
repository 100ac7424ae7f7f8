"""Calibration: the log-likelihood ratio that the scores were drawn from."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from messages import names, refused

from timbre.scoring import calibration
from timbre.scoring.calibration import Calibration, cllr, min_cllr


def drawn(targets: int = 20000, nontargets: int = 20000) -> tuple[np.ndarray, np.ndarray]:
    """Scores of N(3, 1) and N(1, 1): their log-likelihood ratio is 2 s − 4."""
    target = np.arange(targets + nontargets) < targets
    return np.random.default_rng(0).normal(size=len(target)) + np.where(target, 3, 1), target


def fit(scores, target, **options) -> Calibration:
    return calibration.fit(scores, target, ["a", "b"], **options)


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


def test_scores_that_separate_the_classes_have_a_slope_by_their_number():
    """With two scores, each of T, the best ratios are those of the smoothed labels: log((T + 1) / 1)."""
    for count in (10, 100):
        target = np.arange(2 * count) < count
        found = fit(np.where(target, 0.7, 0.2), target)
        np.testing.assert_allclose(
            found.llr(np.array([0.7, 0.2])), np.log(count + 1) * np.array([1, -1]), rtol=1e-3
        )
    few = np.array([0.2, 0.21, 0.7, 0.72]), np.array([False, False, True, True])
    others = drawn()
    assert cllr(fit(*few).llr(others[0] / 4), others[1]) < 1


def test_scores_that_fall_say_nothing():
    scores, target = drawn(200, 200)
    found = fit(-scores, target, quality={"seconds": scores})
    assert found.llr(scores, {"seconds": scores}).tolist() == [0] * 400
    assert cllr(found.llr(scores, {"seconds": scores}), target) == pytest.approx(1)
    assert "no sign" in found.doubt()


def test_what_is_too_little_to_calibrate_on_is_said():
    scores, target = drawn(2000, 2000)
    many = [f"s{number}" for number in range(20)]
    assert calibration.fit(scores, target, many).doubt() == ""
    assert calibration.fit(scores, target, many).evidence["errors"] == pytest.approx(2000 * 0.1587, rel=0.2)
    assert names(calibration.fit(scores, target, many[:5] * 9).doubt(), "5 speakers (20 would do)")
    few = calibration.fit(*drawn(50, 2000), many).doubt()
    assert names(few, "50 targets", " errors (30") and "nontargets" not in few
    assert Calibration(1.0, 0.0).doubt() == ""  # of a model that says nothing about it


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


def test_quality_measures_are_weighed_and_those_that_never_vary_are_not():
    scores, target = drawn()
    generator = np.random.default_rng(1)
    noise, seconds = generator.normal(size=len(scores)), generator.uniform(1, 3, size=len(scores))
    found = fit(scores + 2 * seconds, target, quality={"seconds": seconds, "noise": noise, "same": 0 * noise + 0.1})
    assert found.quality["seconds"] == pytest.approx(-2 * found.a, abs=0.1)
    assert found.quality["noise"] == pytest.approx(0, abs=0.1)
    assert found.quality["same"] == 0
    moved = {"seconds": seconds, "noise": noise, "same": noise}
    plain = fit(scores, target).llr(scores)
    np.testing.assert_allclose(found.llr(scores + 2 * seconds, moved), plain, atol=0.3)
    assert cllr(found.llr(scores + 2 * seconds, moved), target) < cllr(
        fit(scores + 2 * seconds, target).llr(scores + 2 * seconds), target
    )


def test_what_is_stored_comes_back_with_quality_and_without():
    assert Calibration(**{"a": 2.0, "b": 1.0}).llr(np.array([1.0])).tolist() == [3.0]
    one = Calibration(1.0, 2.0, {"x": 0.5})
    assert Calibration(**asdict(one)) == one


def test_the_least_cllr_is_that_of_the_best_rising_function():
    scores, target = drawn()
    best = min_cllr(scores, target)
    assert min_cllr(np.exp(scores), target) == pytest.approx(best)
    assert 0 < best < cllr(fit(scores, target).llr(scores), target) < best + 0.01
    assert min_cllr(np.arange(4.0), np.array([False, False, True, True])) == 0
    assert min_cllr(np.zeros(4), np.array([False, False, True, True])) == pytest.approx(1)
    # equal scores belong together: 1 target of 2 at each of two scores, and weights of kinds do not matter
    assert min_cllr(np.array([0, 0, 1, 1, 0, 1.0]), np.array([1, 0, 1, 0, 0, 0], dtype=bool)) == pytest.approx(1)


def test_scores_that_cannot_be_calibrated_are_refused():
    with refused("4 scores", 0.2):
        fit(np.full(4, 0.2), np.array([True, False, True, False]))
    with refused("4 target", "0 nontarget"):
        fit(np.arange(4.0), np.ones(4, dtype=bool))
