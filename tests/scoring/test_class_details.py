"""Intervals by class and by speaker: known answers, and replicates without a class left out."""

from __future__ import annotations

import numpy as np
import pytest

from timbre.scoring.bootstrap import interval, intervals
from timbre.scoring.class_bootstrap import Decisions, class_rates, draw_units
from timbre.scoring.class_details import by_class, by_speaker, wilson


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_as_newcombe_has_it(right, count, low, high):
    """Newcombe 1998, Statistics in Medicine 17, table I, method 3; and mirrored."""
    both = wilson(np.array([right, count - right]), np.array([count, count]))
    np.testing.assert_allclose(both, [[low, 1 - high], [high, 1 - low]], atol=5e-5)
    assert (both >= 0).all() and (both <= 1).all()


def test_classes_by_hand():
    """Class 1 is of the first of three units alone: where that one is not drawn, there is none."""
    truth, predicted, units = (
        np.array(row) for row in ([0, 0, 0, 0, 1, 1], [0, 0, 0, 2, 1, 0], [0, 1, 2, 2, 0, 0])
    )
    decisions = Decisions(truth, predicted, units)
    found = by_class(decisions, draw_units(units, 200), ["sad", "glad", "angry"])
    assert list(found) == ["sad", "glad"]
    assert (found["sad"]["count"], found["sad"]["precision"]) == (4, 3 / 4)
    assert found["sad"]["recall"]["value"] == 3 / 4 and found["sad"]["f1"]["value"] == 2 * 3 / (4 + 3 + 1)
    assert 1 / 2 <= found["sad"]["recall"]["low"] < 3 / 4 < found["sad"]["recall"]["high"] <= 1
    assert found["glad"]["recall"] == {"value": 1 / 2, "low": None, "high": None}  # a third of the draws lack it
    drawn = class_rates(decisions, np.array([[2.0, 1, 0], [0, 1, 2]]))
    np.testing.assert_allclose(drawn.recall, [[1, 1 / 2], [3 / 5, np.nan]])
    np.testing.assert_allclose(drawn.f1, [[2 * 3 / (3 + 3 + 2), 2 / 3], [2 * 3 / (5 + 3), np.nan]])


def test_intervals_of_classes_are_those_of_their_columns():
    values = np.random.default_rng(0).random((400, 5))
    values[:30, 1] = np.nan  # few, and left out
    values[:40, 2] = np.nan  # a tenth
    values[:, 3] = 0.25
    low, high = intervals(values)
    assert np.isnan(low).tolist() == np.isnan(high).tolist() == [False, False, True, True, False]
    assert (low[0], high[0]) == interval(values[:, 0]) == pytest.approx(np.percentile(values[:, 0], [2.5, 97.5]))
    assert (low[1], high[1]) == pytest.approx(np.percentile(values[30:, 1], [2.5, 97.5]))
    assert interval(values[:, 2]) is None


def test_speakers_by_hand():
    truth, predicted = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 2, 1, 0, 1])
    found = by_speaker(Decisions(truth, predicted, np.arange(6)), np.array([0, 0, 0, 0, 1, 1]), ["ann", "bob"])
    assert found["ann"]["count"] == 4 and found["ann"]["accuracy"]["value"] == 3 / 4
    assert found["ann"]["recall"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["bob"]["recall"] == 1 / 2  # of the one class that they show
    low, high = wilson(np.array([3]), np.array([4]))[:, 0]
    assert (found["ann"]["accuracy"]["low"], found["ann"]["accuracy"]["high"]) == (low, high)
