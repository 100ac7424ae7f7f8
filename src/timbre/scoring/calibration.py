"""Scores to log-likelihood ratios by logistic regression: llr(s) = a s + b.

Minimises the prior-weighted cross-entropy of the labels (Brümmer and du Preez 2006), with π the prior:

    π/T Σ_targets log(1 + e^−(llr + logit π)) + (1−π)/N Σ_nontargets log(1 + e^(llr + logit π))
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from timbre.errors import TimbreError
from timbre.scoring.metrics import split


@dataclass(frozen=True)
class Calibration:
    """The line ``llr = a · score + b``: plain numbers, to be stored with a model."""

    a: float
    b: float

    def llr(self, scores: np.ndarray) -> np.ndarray:
        """Log-likelihood ratios (N,) in nats of scores (N,)."""
        return self.a * np.asarray(scores, dtype=np.float64) + self.b

    def probability(self, scores: np.ndarray, prior: float = 0.5) -> np.ndarray:
        """The probability (N,) that a trial is a target, where ``prior`` of the trials are."""
        return expit(self.llr(scores) + logit(prior))


def fit(scores: np.ndarray, target: np.ndarray, prior: float = 0.5) -> Calibration:
    """Fits the line on scores (N,) and labels (N,) bool of speakers that are not tested on.

    Raises:
        TimbreError: for targets or nontargets only, and for constant scores, which carry nothing to calibrate.
    """
    targets, nontargets = (part.astype(np.float64) for part in split(scores, target))
    scores = np.concatenate([targets, nontargets])
    labels = np.arange(len(scores)) < len(targets)
    spread = scores.std()
    if not spread > 0:
        raise TimbreError(f"all {len(scores)} scores are {scores[0]:g}: nothing to calibrate")
    weights = np.where(labels, prior / len(targets), (1 - prior) / len(nontargets)) * len(scores)
    centre = scores.mean()  # the solver wants inputs of the order of one
    model = LogisticRegression(C=1e6, tol=1e-8, max_iter=1000)
    model.fit(((scores - centre) / spread)[:, None], labels, sample_weight=weights)
    a = float(model.coef_[0, 0] / spread)
    return Calibration(a, float(model.intercept_[0] - logit(prior) - a * centre))


def cllr(llr: np.ndarray, target: np.ndarray) -> float:
    """The cost Cllr in bits of log-likelihood ratios (N,) in nats: 0 is perfect, 1 is what llr = 0 costs."""
    targets, nontargets = split(llr, target)
    return float((np.logaddexp(0, -targets).mean() + np.logaddexp(0, nontargets).mean()) / 2 / np.log(2))
