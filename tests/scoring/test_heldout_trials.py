"""Trials of held-out speakers: pairs of utterances, and models of several as those that are scored."""

from __future__ import annotations

import numpy as np
import pytest

from timbre.kaldi.text import write_table
from timbre.scoring.embeddings import Embeddings
from timbre.scoring.heldout_trials import heldout_trials, typical_size

SPEAKERS = np.array(["b", "a", "b", "c", "a", "b"])


@pytest.fixture
def table() -> Embeddings:
    return Embeddings([f"u{i}" for i in range(6)], 10 ** np.arange(6, dtype=np.float32)[:, None])


def test_single_utterances_are_tried_in_all_pairs_or_a_seeded_choice_of_them(table):
    sides, target = heldout_trials(table, SPEAKERS)
    pairs = set(map(frozenset, zip(sides.enrol_rows.tolist(), sides.test_rows.tolist(), strict=True)))
    assert pairs == {frozenset((i, j)) for i in range(6) for j in range(i)}
    np.testing.assert_array_equal(target, SPEAKERS[sides.enrol_rows] == SPEAKERS[sides.test_rows])
    assert len(target) == 15
    few, target = heldout_trials(table, SPEAKERS, most=3, seed=1)
    assert (target.sum(), (~target).sum()) == (3, 3)
    np.testing.assert_array_equal(target, SPEAKERS[few.enrol_rows] == SPEAKERS[few.test_rows])
    again = heldout_trials(table, SPEAKERS, most=3, seed=1)[0]
    np.testing.assert_array_equal(few.enrol_rows, again.enrol_rows)
    assert len(heldout_trials(table, np.array(list("abcdef")))[1]) == 15  # no target among them


@pytest.mark.parametrize("size", [2, 3, 9])
def test_models_are_of_one_speaker_and_never_tried_against_their_own_utterances(table, size):
    sides, target = heldout_trials(table, SPEAKERS, size, seconds=np.arange(1.0, 7))
    rows = [
        set(np.flatnonzero(_digits(total * count)))
        for total, count in zip(sides.enrol.matrix[:, 0], sides.counts, strict=True)
    ]
    assert all(len({SPEAKERS[row] for row in model}) == 1 for model in rows)
    spoken = {"a": 2, "b": 3, "c": 1}
    assert all(len(model) == min(size, max(spoken[SPEAKERS[min(model)]] - 1, 1)) for model in rows)
    np.testing.assert_allclose(sides.seconds[0], [sum(row + 1 for row in model) for model in rows])
    tried = [(frozenset(rows[model]), row) for model, row in zip(sides.enrol_rows, sides.test_rows, strict=True)]
    assert len(tried) == len(set(tried)) and not any(row in model for model, row in tried)
    np.testing.assert_array_equal(target, [SPEAKERS[min(model)] == SPEAKERS[row] for model, row in tried])
    assert target.sum() == {2: 2 * 1 + 3 * 1}.get(size, 2 * 1 + 3 * 1)
    assert (~target).sum() == sum(6 - spoken[SPEAKERS[min(model)]] for model in rows)


def test_the_typical_model_is_the_median(tmp_path):
    write_table(tmp_path / "enrol", {"m1": "u1", "m2": "u1 u2 u3", "m3": "u1 u2 u3 u4"})
    assert typical_size(tmp_path / "enrol") == 3


def _digits(number: float) -> list[int]:
    return [round(number) // 10**place % 10 for place in range(6)]
