"""Intervals: the weights are those of repeated speakers, and they hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from messages import refused

from timbre.kaldi.trials import Trials
from timbre.scoring import bootstrap
from timbre.scoring.bootstrap import Speakers, interval, replicates, speakers_of
from timbre.scoring.metrics import eer, min_dcf, roc_curve


def all_pairs(
    generator: np.random.Generator, speakers: int, utterances: int
) -> tuple[np.ndarray, np.ndarray, Speakers]:
    """Scores of all pairs of utterances of speakers some of whom are harder than others."""
    speaker = np.repeat(np.arange(speakers), utterances)
    voices = generator.normal(size=(speakers, 8))
    noise = np.exp(generator.normal(size=(speakers, 1)) * 0.5)
    embeddings = voices[speaker] + noise[speaker] * generator.normal(size=(len(speaker), 8))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    first, second = np.triu_indices(len(speaker), 1)
    scores = np.sum(embeddings[first] * embeddings[second], axis=1)
    whose = Speakers([str(i) for i in range(speakers)], speaker[first], speaker[second])
    return scores, whose.enrol == whose.test, whose


@pytest.mark.parametrize("tied", [False, True])
def test_a_replicate_is_the_trial_list_with_its_trials_repeated(tied):
    scores, target, speakers = all_pairs(np.random.default_rng(0), 6, 4)
    scores = np.round(scores, 1) if tied else scores
    found = replicates(scores, target, speakers, count=20, seed=5)
    draws = np.random.default_rng(5).multinomial(6, np.full(6, 1 / 6), size=20)
    for i, draw in enumerate(draws):
        weights = np.where(target, draw[speakers.enrol], draw[speakers.enrol] * draw[speakers.test])
        roc = roc_curve(np.repeat(scores, weights), np.repeat(target, weights))
        assert found["eer"][i] == pytest.approx(eer(roc).value)
        assert found["min_dcf_0.01"][i] == pytest.approx(min_dcf(roc, 0.01))
        assert found["min_dcf_0.05"][i] == pytest.approx(min_dcf(roc, 0.05))


def test_blocks_and_seed(monkeypatch):
    scores, target, speakers = all_pairs(np.random.default_rng(0), 6, 4)
    whole = replicates(scores, target, speakers, count=30)["eer"]
    monkeypatch.setattr(bootstrap, "_BLOCK", 7 * len(scores))
    np.testing.assert_array_equal(replicates(scores, target, speakers, count=30)["eer"], whole)
    assert not np.array_equal(replicates(scores, target, speakers, count=30, seed=1)["eer"], whole)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(1)
    scores, target, _ = all_pairs(generator, 1200, 2)
    truth = eer(roc_curve(scores, target)).value
    held = 0
    for _ in range(80):
        low, high = interval(replicates(*all_pairs(generator, 30, 4), count=150, priors=())["eer"])
        held += low <= truth <= high
    assert held / 80 >= 0.86  # 0.935 over many more draws; resampling trials instead of speakers gives 0.745


def test_the_same_seed_pairs_two_systems():
    scores, target, speakers = all_pairs(np.random.default_rng(0), 10, 4)
    one, same = (replicates(values, target, speakers, 50)["eer"] for values in (scores, np.exp(scores)))
    np.testing.assert_allclose(one, same)
    better = replicates(scores + 0.2 * target, target, speakers, 50)["eer"]
    assert interval(better - one)[1] < 0


def test_fewer_replicates_for_very_long_lists(monkeypatch):
    scores, target, speakers = all_pairs(np.random.default_rng(0), 6, 4)
    monkeypatch.setattr(bootstrap, "_MOST", 300 * len(scores))
    assert len(replicates(scores, target, speakers, 1000)["eer"]) == 300
    monkeypatch.setattr(bootstrap, "_MOST", 1)
    assert len(replicates(scores, target, speakers, 1000)["eer"]) == 200


def test_replicates_without_one_kind_of_trial_are_none_and_many_of_them_give_no_interval():
    scores, target, speakers = all_pairs(np.random.default_rng(0), 2, 4)
    found = replicates(scores, target, speakers, 200)
    half = np.isnan(found["eer"])  # one of the two speakers drawn twice: no nontarget trial
    assert 0.3 < half.mean() < 0.7
    np.testing.assert_array_equal(np.isnan(found["min_dcf_0.01"]), half)
    assert interval(found["eer"]) is None
    assert interval(np.zeros(100)) is None  # no error anywhere is no proof that there are none
    assert interval(np.array([np.nan, *np.arange(101.0)])) == pytest.approx((2.5, 97.5))


def test_ids_may_be_utterances_or_models():
    trials = Trials(np.array(["m1", "b-1"]), np.array(["a-1", "a-1"]), np.array([True, False]))
    found = speakers_of(trials, {"m1": "a", "a-1": "a", "b-1": "b"})
    assert (found.names, found.enrol.tolist(), found.test.tolist()) == (["a", "b"], [0, 1], [0, 0])


def test_ids_without_speaker_and_wrong_labels_are_refused_by_line():
    trials = Trials(np.array(["a-1", "a-1"]), np.array(["a-2", "b-1"]), np.array([True, True]))
    with refused("trials:2:", "'b-1'", "utt2spk"):
        speakers_of(trials, {"a-1": "a", "a-2": "a"})
    with refused("trials:2:", "'a'", "'b'", "utt2spk"):
        speakers_of(trials, {"a-1": "a", "a-2": "a", "b-1": "b"})
