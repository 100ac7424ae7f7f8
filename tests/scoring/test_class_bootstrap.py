"""Rates and intervals of classifications: known answers, and replicates that are speakers repeated."""

from __future__ import annotations

import numpy as np
import pytest

from timbre.scoring.bootstrap import interval
from timbre.scoring.class_bootstrap import Decisions, paired, paired_recalls, rates, replicates

SPEAKERS, CLASSES = 6, 4


def once(decisions: Decisions) -> dict[str, float]:
    """The rates of the utterances themselves."""
    found = rates(decisions, np.ones((1, int(decisions.units.max()) + 1)))
    return {name: float(value[0]) for name, value in found.items()}


def emotions(seed: int = 0, utterances: int = 60) -> Decisions:
    """Classes that several speakers show, predicted with errors, one class never."""
    generator = np.random.default_rng(seed)
    speakers = np.append(np.arange(SPEAKERS), generator.integers(0, SPEAKERS, utterances - SPEAKERS))
    truth = generator.integers(0, CLASSES - 2, utterances)
    truth[0] = CLASSES - 2  # by the first speaker alone, who is not in every replicate
    predicted = np.where(generator.random(utterances) < 0.6, truth, generator.integers(0, CLASSES, utterances))
    return Decisions(truth, predicted, speakers, generator.random(utterances) < 0.8)


def speakers_as_classes(sizes: list[int], seed: int = 0) -> Decisions:
    """Identification: the class is the speaker."""
    generator = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    difficulty = generator.random(len(sizes))
    right = generator.random(len(truth)) < difficulty[truth]
    others = (truth + generator.integers(1, len(sizes), len(truth))) % len(sizes)
    return Decisions(truth, np.where(right, truth, others), truth)


def test_rates_of_three_classes_by_hand():
    #            truth: a a a a b b c       matrix  a: 3 1 0   b: 0 1 1   c: 0 0 1
    decisions = Decisions(
        np.array([0, 0, 0, 0, 1, 1, 2]), np.array([0, 0, 0, 1, 1, 2, 2]), np.array([0, 0, 1, 1, 2, 2, 2])
    )
    assert once(decisions) == pytest.approx(
        {
            "accuracy": 5 / 7,
            "recall": (3 / 4 + 1 / 2 + 1) / 3,
            "f1": (6 / 7 + 2 / 4 + 2 / 3) / 3,
        }
    )


def test_f1_is_over_the_classes_that_occur():
    never = Decisions(np.array([0, 0, 1]), np.array([0, 7, 1]), np.array([0, 1, 1]))  # 7 is no class of the truth
    assert once(never) == pytest.approx({"accuracy": 2 / 3, "recall": 3 / 4, "f1": (2 / 3 + 1) / 2})


def test_a_replicate_is_the_utterances_with_their_speakers_repeated():
    sklearn = pytest.importorskip("sklearn.metrics")
    decisions = emotions()
    found = replicates(decisions, count=30, seed=5)
    draws = np.random.default_rng(5).multinomial(SPEAKERS, np.full(SPEAKERS, 1 / SPEAKERS), size=30)
    for i, draw in enumerate(draws):
        weights = draw[decisions.units]
        truth, predicted = np.repeat(decisions.truth, weights), np.repeat(decisions.predicted, weights)
        there = {"labels": np.unique(truth), "average": "macro"}
        assert found["accuracy"][i] == pytest.approx(np.mean(truth == predicted))
        assert found["top5"][i] == pytest.approx(np.mean(np.repeat(decisions.among_best, weights)))
        assert found["recall"][i] == pytest.approx(sklearn.recall_score(truth, predicted, **there))
        assert found["f1"][i] == pytest.approx(sklearn.f1_score(truth, predicted, **there))


def test_speakers_that_are_classes_are_drawn_as_classes():
    decisions = speakers_as_classes([3, 5, 1, 4, 2])
    found = replicates(decisions, count=30, seed=5)
    draws = np.random.default_rng(5).multinomial(5, np.full(5, 1 / 5), size=30)
    matrix = np.zeros((5, 5))
    np.add.at(matrix, (decisions.truth, decisions.predicted), 1)
    for i, draw in enumerate(draws):
        recalls, f1s = [], []
        for one in np.repeat(np.arange(5), draw):  # a class for each time that its speaker is drawn
            false = sum(draw[other] * matrix[other, one] for other in range(5) if other != one)
            recalls.append(matrix[one, one] / matrix[one].sum())
            f1s.append(2 * matrix[one, one] / (matrix[one].sum() + matrix[one, one] + false))
        assert found["recall"][i] == pytest.approx(np.mean(recalls))
        assert found["f1"][i] == pytest.approx(np.mean(f1s))


def test_of_equally_large_classes_recall_is_accuracy_in_every_replicate():
    found = replicates(speakers_as_classes([4] * 30))
    np.testing.assert_allclose(found["recall"], found["accuracy"], atol=1e-12)


def test_the_interval_of_recall_holds_the_truth_as_often_as_it_says():
    generator, held = np.random.default_rng(2), 0
    for seed in range(400):
        low, high = interval(
            replicates(speakers_as_classes(generator.integers(3, 9, 40).tolist(), seed), 200)["recall"]
        )
        held += low <= 0.5 <= high  # the mean difficulty
    assert held / 400 >= 0.9  # 0.93 of many; classes that count once however often they are drawn give 0.84


def test_one_speaker_and_no_errors_give_no_interval():
    alone = Decisions(np.array([0, 0, 1]), np.array([0, 1, 1]), np.zeros(3, dtype=int))
    assert [interval(values) for values in replicates(alone, 50).values()] == [None] * 3
    truth = np.repeat(np.arange(7), 3)
    right = replicates(Decisions(truth, truth, truth), 50)
    assert [interval(values) for values in right.values()] == [None] * 3
    thirds = replicates(Decisions(truth, np.where(np.arange(21) % 3, 99, truth), truth), 50)
    assert [interval(values) for values in thirds.values()] == [None] * 3  # a third in every class


def test_order_of_utterances_and_numbers_of_classes_do_not_matter():
    decisions, generator = emotions(), np.random.default_rng(1)
    order, names = generator.permutation(len(decisions.truth)), generator.permutation(CLASSES)
    shuffled = Decisions(
        names[decisions.truth][order],
        names[decisions.predicted][order],
        decisions.units[order],
        decisions.among_best[order],
    )
    found = replicates(shuffled, 40)
    for name, values in replicates(decisions, 40).items():
        np.testing.assert_allclose(found[name], values, atol=1e-12)


def test_paired_is_the_difference_of_the_replicates():
    one, other = emotions(0), emotions(1)
    first, second = one.right, other.right
    found = paired(first[None], second[None], one.units, count=200, seed=3)
    draws = [
        replicates(Decisions(np.ones(60), right.astype(float), one.units), 200, 3)["accuracy"]
        for right in (first, second)
    ]
    assert (found.low, found.high) == pytest.approx(interval(draws[0] - draws[1]))
    assert found.value == pytest.approx(first.mean() - second.mean())
    swapped = paired(second[None], first[None], one.units * 10, count=200, seed=3)  # numbers with gaps
    assert (swapped.low, swapped.high, swapped.p) == pytest.approx((-found.high, -found.low, found.p))


def test_paired_draws_seeds_pair_by_pair():
    generator = np.random.default_rng(0)
    speakers = np.repeat(np.arange(20), 10)
    luck = np.array([0.5, 0.7, 0.9])[:, None]  # a seed's, in both systems: it cancels
    noise = generator.random((3, 200))
    first, second = noise < luck, noise < luck - 0.05
    found = paired(first, second, speakers)
    assert found.told and found.low > 0
    apart = paired(first, second[::-1], speakers)
    assert not apart.told and apart.high - apart.low > 4 * (found.high - found.low)
    one = paired(first[:1], first[:1], speakers)
    assert (one.value, one.low, one.high, one.p) == (0, None, None, 1)


def test_paired_against_a_loop():
    generator = np.random.default_rng(4)
    first, second = generator.random((3, 24)) < 0.8, generator.random((3, 24)) < 0.6
    speakers = generator.integers(0, 4, 24)
    found = paired(first, second, speakers, count=50, seed=9)
    same = np.random.default_rng(9)
    draws = same.multinomial(4, np.full(4, 1 / 4), size=50)
    seeds = same.multinomial(3, np.full(3, 1 / 3), size=50)
    values = []
    for draw, seed in zip(draws, seeds, strict=True):
        rows, columns = np.repeat(np.arange(3), seed), np.repeat(np.arange(24), draw[speakers])
        values.append(first[rows][:, columns].mean() - second[rows][:, columns].mean())
    assert (found.low, found.high) == pytest.approx(interval(np.array(values)))


def test_recalls_are_paired_as_accuracies_are():
    """Of classes of one size, all shown by every speaker, recall is the accuracy; of others it is not."""
    generator = np.random.default_rng(0)
    truth, people = np.tile([0, 1], 40), np.repeat(np.arange(8), 10)

    def trained(share: float) -> Decisions:
        return Decisions(truth, np.where(generator.random(80) < share, truth, 1 - truth), people)

    first, second = [trained(0.8) for _ in range(3)], [trained(0.5) for _ in range(3)]
    found = paired_recalls(first, second, 400, 7)
    wanted = paired(*(np.stack([one.right for one in system]) for system in (first, second)), people, 400, 7)
    for key in ("first", "second", "low", "high", "p"):
        assert abs(getattr(found, key) - getattr(wanted, key)) < 1e-9
    rare = Decisions(np.array([0] * 9 + [1]), np.zeros(10, dtype=int), np.arange(10))
    both = Decisions(rare.truth, rare.truth, rare.units)
    assert paired_recalls([both], [rare]).value == 0.5 and np.isclose(
        paired(both.right[None], rare.right[None], rare.units).value, 0.1
    )
    assert paired_recalls([rare], [rare]).p == 1
