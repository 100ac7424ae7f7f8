"""The difference of two systems on the same utterances or trials, and whether it can be told from chance.

Both are resampled with the same draws of speakers (:mod:`timbre.scoring.bootstrap`), which gives R differences
d_r = a_r − b_r: what is hard for both systems cancels. The 95 % interval reaches from their 2.5th to their 97.5th
percentile, and the two-sided p-value is by how much of them lies on the other side of zero:

    p = 2 · min(#{d_r ≤ 0}, #{d_r ≥ 0}) / R

It is set to 1/R at least, as R draws cannot show more, and to 1 at most, which systems with the same errors have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from timbre.scoring.bootstrap import interval
from timbre.scoring.evaluation import aligned, bounded, percent

SIGNIFICANT = 0.05

_RATES = {"eer": "EER", "accuracy": "accuracy", "recall": "recall (UA)", "f1": "F1"}  # shown in %; others: minDCF
_HIGHER_IS_BETTER = ("accuracy", "recall", "f1")


@dataclass(frozen=True)
class Difference:
    """A measure of two systems, ``first − second`` with its 95 % interval, and the p-value of no difference.

    Interval and p-value are ``None`` where resampling cannot tell (:func:`timbre.scoring.bootstrap.interval`);
    systems with the same errors have no interval, and a p-value of 1.
    """

    first: float
    second: float
    low: float | None
    high: float | None
    p: float | None

    @classmethod
    def of(cls, first: float, second: float, differences: np.ndarray) -> Difference:
        """Of two values, and the paired replicates (R,) of their difference."""
        low, high = interval(differences) or (None, None)
        return cls(first, second, low, high, p_value(differences))

    @property
    def value(self) -> float:
        """``first − second``."""
        return self.first - self.second

    @property
    def bounded(self) -> dict[str, float | None]:
        """The difference with its interval, as measures stand in ``metrics.json``."""
        return {"value": self.value, "low": self.low, "high": self.high}

    @property
    def told(self) -> bool:
        """Whether one of them is better, at the level of 5 %."""
        return self.p is not None and self.p < SIGNIFICANT


def p_value(differences: np.ndarray) -> float | None:
    """The two-sided p-value of paired replicates ``(R,)``; ``None`` where a tenth of them or more are NaN."""
    known = differences[~np.isnan(differences)]
    if len(known) <= 0.9 * len(differences):
        return None
    beyond = min(np.count_nonzero(known <= 0), np.count_nonzero(known >= 0))
    return float(min(1.0, max(1.0, 2.0 * beyond) / len(known)))


def table(names: tuple[str, str], found: dict[str, Difference]) -> str:
    """The differences by measure as text, a row a measure; rates in %."""
    rows = [("", *names, "difference [95 %]", "p")]
    for measure, difference in found.items():
        rate = measure in _RATES
        points = (f"{100 * x:.2f}" if rate else f"{x:.3f}" for x in (difference.first, difference.second))
        shown = (percent if rate else bounded)(difference.bounded)
        p = "–" if difference.p is None else f"{difference.p:.3f}"
        rows.append((_label(measure) + (" %" if rate else ""), *points, shown, p))
    return aligned(rows)


def verdict(names: tuple[str, str], found: dict[str, Difference]) -> str:
    """The answer in words: who is better by which measures, and by which it cannot be told."""
    better: dict[str, list[str]] = {}
    for measure, difference in found.items():
        second = (difference.value > 0) != (measure in _HIGHER_IS_BETTER)
        better.setdefault(names[second] if difference.told else "", []).append(_label(measure))
    untold = better.pop("", [])
    said = [f"{who} is better by {', '.join(measures)}." for who, measures in better.items()]
    if untold:
        said.append(f"By {', '.join(untold)} it cannot be told which is better (no p below {SIGNIFICANT:g}).")
    return " ".join(said)


def _label(measure: str) -> str:
    return _RATES.get(measure) or f"minDCF({measure.removeprefix('min_dcf_')})"
