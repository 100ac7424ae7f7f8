"""S-norm and AS-norm against two plain loops, and what has no deviation."""

from __future__ import annotations

import numpy as np
import pytest
from messages import refused

from timbre.scoring import normalisation
from timbre.scoring.normalisation import cohort_scores, symmetric


def unit(count: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, 6)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


ENROL, TEST, COHORT = unit(5, 0), unit(8, 1), unit(40, 2)
NAMES = [f"u{i}" for i in range(8)]


@pytest.mark.parametrize("top", [None, 7, 40, 300])
@pytest.mark.parametrize("block", [40, 1 << 20])
def test_each_trial_is_normalised_by_its_own_sides(monkeypatch, top, block):
    monkeypatch.setattr(normalisation, "_BLOCK", block)
    pairs = [(0, 0), (4, 7), (2, 3), (0, 0), (1, 7)]
    rows = np.array(pairs).T
    scores = np.array([ENROL[e] @ TEST[t] for e, t in pairs])
    found = symmetric(
        scores, cohort_scores(ENROL, COHORT, top, NAMES), cohort_scores(TEST, COHORT, top, NAMES), *rows
    )
    for value, score, (e, t) in zip(found, scores, pairs, strict=True):
        sides = [sorted(float(c @ side) for c in COHORT)[-(top or 40) :] for side in (ENROL[e], TEST[t])]
        wanted = np.mean([(score - np.mean(side)) / np.std(side) for side in sides])
        assert value == pytest.approx(wanted, rel=1e-4)


def test_scale_and_place_of_the_scores_do_not_matter():
    rows = np.arange(5), np.arange(5)
    scores = (ENROL * TEST[:5]).sum(axis=1)

    def normalised(scale: float, shift: float) -> np.ndarray:
        sides = [np.hstack([scale * part, np.full((len(part), 1), shift)]) for part in (ENROL, TEST)]
        cohort = np.hstack([COHORT, np.ones((40, 1))])
        return symmetric(scale * scores + shift, *(cohort_scores(s, cohort, 9, NAMES) for s in sides), *rows)

    np.testing.assert_allclose(normalised(30, -4), normalised(1, 0), rtol=1e-4)


def test_a_cohort_without_deviation_is_refused_by_name():
    same = np.repeat(COHORT[:1], 40, axis=0)
    with refused("'u0'", "+snorm", "+asnorm"):
        cohort_scores(TEST, same, None, NAMES)
    half = np.concatenate([same[:20], COHORT[20:]])
    with refused("'u0'", " 1 "):
        cohort_scores(COHORT[:1], half, 20, NAMES)
    for cohort, top in ((COHORT[:1], None), (COHORT, 1)):
        with refused(f"{len(cohort)} speakers", "1 count", "+snorm", "+asnorm"):
            cohort_scores(TEST, cohort, top, NAMES)
