"""Scores to log-likelihood ratios by logistic regression: llr(s, q) = a s + b + Σ w_j q_j.

The quality measures q (durations, magnitudes: :mod:`timbre.scoring.quality`) may be none. The fit minimises the
prior-weighted cross-entropy of the labels (Brümmer and du Preez 2006), with π the prior:

    π/T Σ_targets log(1 + e^−(llr + logit π)) + (1−π)/N Σ_nontargets log(1 + e^(llr + logit π))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import scipy

from timbre.errors import TimbreError
from timbre.scoring.metrics import split


@dataclass(frozen=True)
class Calibration:
    """``llr = a · score + b``, and ``quality``'s weight of each measure by name: plain numbers, to be stored."""

    a: float
    b: float
    quality: dict[str, float] = field(default_factory=dict)

    def llr(self, scores: np.ndarray, quality: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
        """Log-likelihood ratios (N,) in nats of scores (N,) and, where it has weights, quality measures (N,)."""
        llr = self.a * np.asarray(scores, dtype=np.float64) + self.b
        for name, weight in self.quality.items():
            llr += weight * quality[name]
        return llr

    def probability(self, scores: np.ndarray, prior: float = 0.5) -> np.ndarray:
        """The probability (N,) that a trial is a target, where ``prior`` of the trials are."""
        return scipy.special.expit(self.llr(scores) + scipy.special.logit(prior))


def fit(
    scores: np.ndarray,
    target: np.ndarray,
    prior: float = 0.5,
    quality: Mapping[str, np.ndarray] | None = None,
) -> Calibration:
    """Fits on scores (N,), labels (N,) bool and quality measures (N,) of speakers that are not tested on.

    A measure that is the same for all trials gets the weight 0.

    Raises:
        TimbreError: for targets or nontargets only, and for constant scores, which carry nothing to calibrate.
    """
    targets, nontargets = split(scores, target)
    labels = np.asarray(target, dtype=bool)
    inputs = np.column_stack([scores, *(quality or {}).values()]).astype(np.float64)
    varies = np.ptp(inputs, axis=0) > 0
    if not varies[0]:
        raise TimbreError(f"all {len(inputs)} scores are {inputs[0, 0]:g}: nothing to calibrate")
    centre = inputs.mean(axis=0)
    spread = np.where(varies, inputs.std(axis=0), 1)  # the solver wants inputs of the order of one
    weights = np.where(labels, prior / len(targets), (1 - prior) / len(nontargets)) * len(inputs)
    from sklearn.linear_model import LogisticRegression  # a second to import, and most commands never fit

    model = LogisticRegression(C=1e6, tol=1e-8, max_iter=1000)
    model.fit((inputs - centre) / spread * varies, labels, sample_weight=weights)
    a, *others = (slopes := model.coef_[0] / spread * varies).tolist()
    b = float(model.intercept_[0] - scipy.special.logit(prior) - slopes @ centre)
    return Calibration(a, b, dict(zip(quality or {}, others, strict=True)))


def cllr(llr: np.ndarray, target: np.ndarray) -> float:
    """The cost Cllr in bits of log-likelihood ratios (N,) in nats: 0 is perfect, 1 is what llr = 0 costs."""
    return _cllr(*split(llr, target))


def min_cllr(scores: np.ndarray, target: np.ndarray) -> float:
    """The least Cllr that any rising function of scores (N,) reaches: that of isotonic regression on the labels.

    What ``cllr`` is above it is lost by calibration, the rest by the scores (Brümmer and du Preez 2006).
    """
    targets, nontargets = split(scores, target)
    from sklearn.isotonic import IsotonicRegression

    posterior = IsotonicRegression().fit_transform(np.asarray(scores, dtype=np.float64), np.asarray(target, float))
    with np.errstate(divide="ignore"):  # ±∞ on the right side costs nothing
        llr = scipy.special.logit(posterior) - np.log(len(targets) / len(nontargets))
    return _cllr(llr[target], llr[~target])


def _cllr(targets: np.ndarray, nontargets: np.ndarray) -> float:
    return float((np.logaddexp(0, -targets).mean() + np.logaddexp(0, nontargets).mean()) / 2 / np.log(2))
