"""Error rates of detection scores: the ROC, EER, minDCF, and the counts behind them.

A trial is accepted when its score is at or above a threshold θ. With T targets and N nontargets,

    FNR(θ) = #{targets < θ} / T            (misses)
    FPR(θ) = #{nontargets ≥ θ} / N         (false alarms)

Equal scores cannot be told apart by any threshold, so they move together: the order of the trials in a file
never matters, and constant scores have an EER of 50 %.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from timbre.errors import TimbreError


@dataclass(frozen=True)
class Roc:
    """The corners of a ROC from "accept all" (θ = −∞) to "accept none" (θ = +∞).

    ``misses`` (K,) rise and ``false_alarms`` (K,) fall; points between two corners lie on the straight line
    that joins them. With U distinct target scores (``distinct``) there are K = 2U + 2 corners.
    """

    distinct: np.ndarray
    misses: np.ndarray
    false_alarms: np.ndarray
    targets: int
    nontargets: int

    def threshold(self, corner: int) -> float:
        """The threshold of a corner: a target score, the next number above one, or ±∞ at the ends."""
        if corner in (0, len(self.misses) - 1):
            return -np.inf if corner == 0 else np.inf
        score = self.distinct[(corner - 1) // 2]
        return float(score if corner % 2 else np.nextafter(score, np.inf))

    @property
    def fnr(self) -> np.ndarray:
        """Miss rate (K,)."""
        return self.misses / self.targets

    @property
    def fpr(self) -> np.ndarray:
        """False-alarm rate (K,)."""
        return self.false_alarms / self.nontargets


@dataclass(frozen=True)
class Eer:
    """The equal error rate (0 to 1), and the possible threshold nearest to it with its error counts."""

    value: float
    threshold: float
    misses: int
    false_alarms: int


def split(scores: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores (N,) of targets and of nontargets, each sorted.

    Raises:
        TimbreError: for targets only, nontargets only, no trials, a score that is not finite.
    """
    scores, target = np.asarray(scores), np.asarray(target, dtype=bool)
    if scores.shape != target.shape or scores.ndim != 1:
        raise TimbreError(f"{scores.shape} scores for {target.shape} labels; one label for each score")
    targets, nontargets = scores[target], scores[~target]
    targets.sort()
    nontargets.sort()
    if not len(targets) or not len(nontargets):
        raise TimbreError(
            f"{len(targets)} target and {len(nontargets)} nontarget trials: error rates need both; "
            "look at the trial list"
        )
    if not np.isfinite([targets[0], targets[-1], nontargets[0], nontargets[-1]]).all():  # sorted: ends suffice
        place = np.flatnonzero(~np.isfinite(scores))[0]
        raise TimbreError(
            f"score {place + 1} of {len(scores)} is {scores[place]:g}, not finite; are the embeddings finite?"
        )
    return targets, nontargets


def roc_curve(scores: np.ndarray, target: np.ndarray) -> Roc:
    """The ROC of scores (N,) and labels (N,) bool, in O(N log N).

    Between two neighbouring target scores only FPR changes: all corners lie at a target score u (accepting
    u) or just above it (accepting no u), and at the two ends.
    """
    targets, nontargets = (part.astype(np.float64, copy=False) for part in split(scores, target))
    first = np.flatnonzero(np.concatenate([[True], targets[1:] != targets[:-1]]))
    distinct = targets[first]
    misses = np.empty(2 * len(distinct) + 2, dtype=np.int32)
    misses[0], misses[-2:] = 0, len(targets)
    misses[1:-1:2], misses[2:-2:2] = first, first[1:]
    rejected = np.empty_like(misses)  # nontargets below the threshold
    rejected[0], rejected[-1] = 0, len(nontargets)
    below = np.searchsorted(nontargets, distinct, side="left")
    rejected[1:-1:2] = below
    tied = nontargets[np.minimum(below, len(nontargets) - 1)] == distinct
    below[tied] = np.searchsorted(nontargets, distinct[tied], side="right")
    rejected[2:-1:2] = below
    return Roc(distinct, misses, len(nontargets) - rejected, len(targets), len(nontargets))


def eer(roc: Roc) -> Eer:
    """The rate at which the ROC, straight between its corners, crosses FNR = FPR.

    With d = FNR − FPR, which rises from −1 to 1 along the curve, and corners i−1, i around its zero:

        EER = FNR(i−1) + (FNR(i) − FNR(i−1)) · −d(i−1) / (d(i) − d(i−1))
    """
    misses, false_alarms = roc.misses, roc.false_alarms

    def difference(corner: int) -> int:  # T · N · d, in whole numbers: no rounding decides where it crosses
        return int(misses[corner]) * roc.nontargets - int(false_alarms[corner]) * roc.targets

    after = bisect_left(range(len(misses)), 0, key=difference)
    before = after - 1  # at "accept all" d is −1, so there is a corner before the crossing
    low, high = difference(before), difference(after)
    share = -low / (high - low)
    value = (misses[before] + share * (misses[after] - misses[before])) / roc.targets
    near = before if -low <= high else after
    return Eer(float(value), roc.threshold(near), int(misses[near]), int(false_alarms[near]))


def between(threshold: float, scores: np.ndarray) -> float:
    """The middle of the gap in scores (N,) that a threshold lies in: the same errors, and none of them by a hair.

    A threshold below or above all scores stays as it is.
    """
    scores = np.asarray(scores, dtype=np.float64)
    accepted = scores >= threshold
    if accepted.all() or not accepted.any():
        return threshold
    below, above = scores[~accepted].max(), scores[accepted].min()
    middle = below / 2 + above / 2
    return float(middle if below < middle else above)


def min_dcf(roc: Roc, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0) -> float:
    """The least detection cost over all thresholds, as a share of what deciding without scores costs (NIST).

    DCF(θ) = c_miss p FNR(θ) + c_fa (1−p) FPR(θ), divided by min(c_miss p, c_fa (1−p)). Accepting all and
    accepting none are among the thresholds, so the value is at most 1.
    """
    miss, false_alarm = c_miss * p_target, c_fa * (1 - p_target)
    return float((miss * roc.fnr + false_alarm * roc.fpr).min() / min(miss, false_alarm))


def act_dcf(llr: np.ndarray, target: np.ndarray, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0) -> float:
    """The detection cost of log-likelihood ratios (N,) in nats, normalised as :func:`min_dcf`.

    Trials are accepted from Bayes' threshold on, log(c_fa (1−p) / (c_miss p)): nothing is looked up in the labels.
    """
    targets, nontargets = split(llr, target)
    miss, false_alarm = c_miss * p_target, c_fa * (1 - p_target)
    threshold = np.log(false_alarm / miss)
    cost = miss * (targets < threshold).mean() + false_alarm * (nontargets >= threshold).mean()
    return float(cost / min(miss, false_alarm))


def kaldi_eer(scores: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """The EER (0 to 1) and threshold that Kaldi's ``compute-eer`` gives (ivectorbin/compute-eer.cc).

    The share k/T of targets lost before the first target score above the nontarget score of the same rank
    from the top. It is a multiple of 1/T, and never 1. Scores are float32, as there.
    """
    targets, nontargets = split(np.asarray(scores, dtype=np.float32), target)
    lost = np.arange(len(targets))
    rank = (len(nontargets) * lost * 1.0 / len(targets)).astype(np.int64)
    nontarget = nontargets[np.maximum(len(nontargets) - 1 - rank, 0)]
    stop = nontarget < targets
    stop[-1] = True
    position = int(stop.argmax())
    return position / len(targets), float(targets[position])
