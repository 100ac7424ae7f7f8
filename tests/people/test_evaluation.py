"""Open-set rates against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from messages import refused

from timbre.people.evaluation import evaluate_open_set


@pytest.mark.parametrize("seed", range(3))
def test_rates_are_those_of_a_loop(seed):
    rng = np.random.default_rng(seed)
    people = [f"p{k}" for k in range(5)]
    speakers = [f"p{k}" for k in rng.integers(0, 9, 300)]
    scores = np.round(rng.normal(size=(300, 5)), 1)  # with ties
    for row, speaker in enumerate(speakers):
        if speaker in people:
            scores[row, people.index(speaker)] += 2
    threshold, hits, right, alarms, known, strangers = 1.4, 0, 0, 0, 0, []
    for row, speaker in enumerate(speakers):
        best = int(np.argmax(scores[row]))
        if speaker in people:
            known += 1
            right += people[best] == speaker
            hits += people[best] == speaker and scores[row, best] >= threshold
        else:
            strangers.append(scores[row, best])
            alarms += scores[row, best] >= threshold
    found = evaluate_open_set(scores, people, speakers, threshold, rate=0.05)
    assert found["dir"]["value"] == hits / known and found["rank_1"]["value"] == right / known
    assert found["far"]["value"] == alarms / len(strangers)
    at = found["threshold_at_far"]
    assert sum(score >= at for score in strangers) <= 0.05 * len(strangers)
    lower = max(score for score in strangers if score < at)
    assert sum(score >= lower for score in strangers) > 0.05 * len(strangers)  # no lower one keeps the rate
    assert found["dir"]["low"] < found["dir"]["value"] < found["dir"]["high"]


def test_both_kinds_of_tests_are_needed():
    with refused("0 of 3", "unknown"):
        evaluate_open_set(np.zeros((3, 2)), ["a", "b"], ["x", "y", "z"])
