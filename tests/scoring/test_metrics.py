"""Error rates: known answers, ties, end points, Kaldi's number."""

from __future__ import annotations

import numpy as np
import pytest
from messages import refused
from sklearn.metrics import roc_curve as sklearn_roc_curve

from timbre.kaldi.trials import read_scores_of, read_trials
from timbre.scoring.metrics import act_dcf, eer, kaldi_eer, min_dcf, roc_curve


def rates(scores: np.ndarray, target: np.ndarray) -> tuple[list[float], list[float]]:
    """FNR and FPR at every threshold there is, by counting."""
    thresholds = [-np.inf, *np.unique(scores), np.inf]
    return (
        [np.mean(scores[target] < threshold) for threshold in thresholds],
        [np.mean(scores[~target] >= threshold) for threshold in thresholds],
    )


def counted_eer(scores: np.ndarray, target: np.ndarray) -> float:
    """Where FNR and FPR meet, with straight lines between all thresholds."""
    fnr, fpr = rates(scores, target)
    difference = np.subtract(fnr, fpr)
    after = int(np.argmax(difference >= 0))
    return float(np.interp(0, difference[after - 1 : after + 1], fnr[after - 1 : after + 1]))


def trials(seed: int, tied: bool) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    target = generator.random(int(generator.integers(5, 200))) < generator.uniform(0.1, 0.9)
    target[:2] = True, False
    scores = generator.normal(size=len(target)) + generator.uniform(-1, 3) * target
    return (np.round(scores) if tied else scores), target


@pytest.mark.parametrize("tied", [False, True])
def test_eer_and_min_dcf_equal_counting_at_all_thresholds(tied):
    for seed in range(100):
        scores, target = trials(seed, tied)
        roc = roc_curve(scores, target)
        assert eer(roc).value == pytest.approx(counted_eer(scores, target), abs=1e-12)
        fnr, fpr = map(np.array, rates(scores, target))
        for prior in (0.01, 0.5, 0.95):
            cost = (10 * prior * fnr + (1 - prior) * fpr).min() / min(10 * prior, 1 - prior)
            assert min_dcf(roc, prior, c_miss=10) == pytest.approx(cost, abs=1e-12)


@pytest.mark.parametrize("tied", [False, True])
def test_corners_and_counts_are_those_of_their_thresholds(tied):
    scores, target = trials(7, tied)
    roc = roc_curve(scores, target)
    for corner in range(len(roc.misses)):
        assert roc.misses[corner] == (scores[target] < roc.threshold(corner)).sum()
        assert roc.false_alarms[corner] == (scores[~target] >= roc.threshold(corner)).sum()
    point = eer(roc)
    assert point.misses == (scores[target] < point.threshold).sum()
    assert point.false_alarms == (scores[~target] >= point.threshold).sum()


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_constant_scores_are_half_wrong_in_any_order(order):
    target = np.repeat([True, False], [20, 180])[order]
    point = eer(roc_curve(np.full(200, 0.3), target))
    assert point.value == 0.5
    assert np.isfinite(point.threshold)


def test_order_of_tied_trials_does_not_matter():
    scores, target = trials(3, tied=True)
    shuffle = np.random.default_rng(0).permutation(len(scores))
    assert eer(roc_curve(scores, target)) == eer(roc_curve(scores[shuffle], target[shuffle]))


@pytest.mark.parametrize(
    ("targets", "nontargets", "value"),
    [([2, 3], [0, 1], 0.0), ([0, 1], [2, 3], 1.0), ([0, 2], [1, 3], 0.5), ([0, 1, 1, 1], [0, 0, 0, 1], 0.25)],
)
def test_known_eers(targets, nontargets, value):
    scores = np.array([*targets, *nontargets], dtype=np.float32)
    assert eer(roc_curve(scores, np.arange(len(scores)) < len(targets))).value == pytest.approx(value)


def test_eer_is_the_same_for_any_rising_function_of_the_scores():
    scores, target = trials(11, tied=False)
    assert eer(roc_curve(np.exp(3 * scores), target)).value == eer(roc_curve(scores, target)).value


def test_eer_is_no_end_point_of_the_curve():
    """The arg max of |1 − tpr − fpr|, printed by many a script, is an end of the curve: 0.00 % for a real 14 %."""
    generator = np.random.default_rng(0)
    target = np.arange(4000) < 2000
    scores = generator.normal(size=4000) + 2.16 * target
    fpr, tpr, _ = sklearn_roc_curve(target, scores)
    assert fpr[np.argmax(np.abs(1 - tpr - fpr))] == 0.0
    assert eer(roc_curve(scores, target)).value == pytest.approx(0.14, abs=0.01)


def test_min_dcf_never_costs_more_than_deciding_without_scores():
    target = np.arange(100) < 50
    upside_down = roc_curve(-target.astype(float), target)
    assert [min_dcf(upside_down, prior) for prior in (0.01, 0.05, 0.99)] == [1, 1, 1]
    assert min_dcf(roc_curve(target.astype(float), target), 0.01) == 0


def test_min_dcf_by_hand():
    # at the threshold 3, one target of four is missed and no nontarget accepted: 0.05 · 1/4 / 0.05
    scores, target = np.array([1, 3, 4, 5, 0, 1, 2]), np.arange(7) < 4
    assert min_dcf(roc_curve(scores, target), 0.05) == pytest.approx(0.25)


def test_kaldi_mode_gives_kaldis_number(kaldi):
    trials = read_trials(kaldi / "plda_trials")
    scores = read_scores_of(trials, kaldi / "plda_scores_norm_true.txt")
    assert kaldi_eer(scores, trials.target)[0] == 0.125


def test_kaldi_mode_is_its_walk_over_the_targets():
    for seed in range(100):
        scores, target = trials(seed, tied=seed % 2 == 0)
        wanted, other = np.sort(np.float32(scores[target])), np.sort(np.float32(scores[~target]))
        place = 0
        while place + 1 < len(wanted):
            rank = int(len(other) * place * 1.0 / len(wanted))
            if other[max(len(other) - 1 - rank, 0)] < wanted[place]:
                break
            place += 1
        assert kaldi_eer(scores, target) == (place / len(wanted), wanted[place])
    assert kaldi_eer(np.zeros(200), np.arange(200) < 100)[0] == 0.99


def test_act_dcf_decides_at_bayes_threshold_and_never_beats_min_dcf():
    target = np.arange(8) < 4
    llr = np.array([5.0, 4.0, 2.0, -1.0, 4.7, 1.0, -2.0, -9.0])
    # p 0.01: threshold log 99 = 4.60: three misses of four, one false alarm of four
    assert act_dcf(llr, target, 0.01) == pytest.approx((0.01 * 3 / 4 + 0.99 / 4) / 0.01)
    assert act_dcf(llr, target, 0.5) == pytest.approx((0.5 / 4 + 0.5 * 2 / 4) / 0.5)  # threshold 0
    assert act_dcf(np.where(target, 9.0, -9.0), target, 0.01) == 0
    assert act_dcf(np.full(8, -1.0), target, 0.05) == 1  # nothing accepted
    generator = np.random.default_rng(0)
    for prior in (0.01, 0.05, 0.5):
        scores = generator.normal(size=8)
        assert act_dcf(scores, target, prior) >= min_dcf(roc_curve(scores, target), prior)


@pytest.mark.parametrize(
    ("scores", "target", "wanted"),
    [
        ([1.0, 2.0], [True, True], ("2 target", "0 nontarget")),
        ([1.0, 2.0], [False, False], ("0 target", "2 nontarget")),
        ([1.0, np.nan], [True, False], ("score 2 of 2", "nan")),
        ([1.0, 2.0], [True], ("(2,)", "(1,)")),
    ],
)
def test_what_has_no_error_rate_is_refused(scores, target, wanted):
    for measure in (roc_curve, kaldi_eer):
        with refused(*wanted):
            measure(np.array(scores), np.array(target))
