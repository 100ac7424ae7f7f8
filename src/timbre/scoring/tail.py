"""How often an unknown voice is taken for an enrolled one: the upper tail of nontarget scores.

Above its (1 − ``SHARE``) quantile u the tail is taken as exponential, as peaks over a threshold are where the tail
is no heavier than that of a normal distribution (Coles 2001, "An introduction to statistical modeling of extreme
values", chapter 4):

    P(score ≥ t) = SHARE · exp(−(t − u) / β)    for t ≥ u,    β the mean excess over u

An unknown voice is compared with all of N enrolled people. Where these comparisons go wrong independently of each
other,

    P(accepted as somebody) = 1 − (1 − P(score ≥ t))^N

and, for log-likelihood ratios that are calibrated, whatever their tail, P(llr ≥ t) ≤ e^−t: N e^−t is a bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

SHARE = 0.05


@dataclass(frozen=True)
class Tail:
    """``start`` u and ``excess`` β of the module's docstring, in the units of the scores."""

    start: float
    excess: float

    def rate(self, threshold: float) -> float:
        """P(score ≥ threshold) of one comparison; at most ``SHARE``, below ``start`` too."""
        return SHARE * math.exp(-max(threshold - self.start, 0.0) / self.excess)

    def threshold(self, rate: float) -> float:
        """Where the rate of one comparison is ``rate``; ``start`` where that is more than ``SHARE``."""
        return self.start + self.excess * max(math.log(SHARE / rate), 0.0)


def fit_tail(nontargets: np.ndarray) -> Tail:
    """The tail of nontarget scores (N,); of scores that are all alike it is thin."""
    start = float(np.quantile(nontargets, 1 - SHARE))
    excess = float((nontargets[nontargets >= start] - start).mean())
    return Tail(start, max(excess, 1e-6 * max(1.0, abs(start))))


def single_rate(rate: float, people: int) -> float:
    """The rate of one comparison at which ``people`` of them together go wrong at ``rate``."""
    return -math.expm1(math.log1p(-rate) / people)


def joint_rate(rate: float, people: int) -> float:
    """The rate at which one of ``people`` comparisons goes wrong, each at ``rate``."""
    return -math.expm1(people * math.log1p(-min(rate, 1 - 1e-12)))
