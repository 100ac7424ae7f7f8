"""Scores to log-likelihood ratios by logistic regression: llr(s, q) = a s + b + Σ w_j q_j, with a ≥ 0.

The quality measures q (durations, magnitudes: :mod:`timbre.scoring.quality`) may be none. The fit minimises the
prior-weighted cross-entropy of the labels (Brümmer and du Preez 2006). With π the prior, T targets, N nontargets
and the losses of either answer, l⁺ = log(1 + e^−(llr + logit π)) and l⁻ = log(1 + e^(llr + logit π)), it is

    π/T Σ_targets (p l⁺ + (1−p) l⁻) + (1−π)/N Σ_nontargets ((1−q) l⁺ + q l⁻),  p = (T+1)/(T+2), q = (N+1)/(N+2)

The labels are smoothed, p and q instead of 1 (Platt 1999, "Probabilistic outputs for support vector machines").
Without that, no slope is steep enough where scores separate the classes, as few held-out speakers' often do.
Where targets score lower than nontargets, a = 0 is the best that is allowed, and all ratios are 0: no knowledge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import scipy

from timbre.errors import TimbreError
from timbre.scoring.metrics import eer, roc_curve, split
from timbre.scoring.tail import fit_tail

ENOUGH = {"speakers": 20, "targets": 200, "nontargets": 200, "errors": 30}
"""What a calibration should be fitted on at least. From thirty errors on, a rate is known to within 30 %, with 90 %
confidence (Doddington et al. 2000, "The NIST speaker recognition evaluation"); the others are a judgement."""


@dataclass(frozen=True)
class Calibration:
    """``llr = a · score + b``, and ``quality``'s weight of each measure by name: plain numbers, to be stored.

    ``evidence`` counts what it was fitted on: ``speakers``, ``targets``, ``nontargets``, and ``errors`` of the
    rarer kind at equal error rates. ``tail`` is that of the nontargets' ratios, ``start`` and ``excess`` of a
    :class:`timbre.scoring.tail.Tail`; empty in models of old.
    """

    a: float
    b: float
    quality: dict[str, float] = field(default_factory=dict)
    evidence: dict[str, int] = field(default_factory=dict)
    tail: dict[str, float] = field(default_factory=dict)

    def llr(self, scores: np.ndarray, quality: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
        """Log-likelihood ratios (N,) in nats of scores (N,) and, where it has weights, quality measures (N,)."""
        llr = self.a * np.asarray(scores, dtype=np.float64) + self.b
        for name, weight in self.quality.items():
            llr += weight * quality[name]
        return llr

    def probability(self, scores: np.ndarray, prior: float = 0.5) -> np.ndarray:
        """The probability (N,) that a trial is a target, where ``prior`` of the trials are."""
        return scipy.special.expit(self.llr(scores) + scipy.special.logit(prior))

    def doubt(self) -> str:
        """Why its ratios are to be taken with care, ``""`` where nothing is known against them."""
        if not self.a:
            return "higher scores were no sign of one speaker among the held-out ones: every ratio is 0"
        few = [
            f"{self.evidence[name]} {name} ({enough} would do)"
            for name, enough in ENOUGH.items()
            if self.evidence.get(name, enough) < enough
        ]
        return f"fitted on {', '.join(few)}: rough" if few else ""


def fit(
    scores: np.ndarray,
    target: np.ndarray,
    speakers: Sequence[str] | np.ndarray,
    prior: float = 0.5,
    quality: Mapping[str, np.ndarray] | None = None,
) -> Calibration:
    """Fits on scores (N,), labels (N,) bool and quality measures (N,) of ``speakers`` that are not tested on.

    A measure that is the same for all trials gets the weight 0; of scores that fall all weights are 0.

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
    certainty = np.where(
        labels, (len(targets) + 1) / (len(targets) + 2), (len(nontargets) + 1) / (len(nontargets) + 2)
    )
    from sklearn.linear_model import LogisticRegression  # a second to import, and most commands never fit

    model = LogisticRegression(C=1e6, tol=1e-8, max_iter=1000)
    model.fit(  # each trial under both answers, as sure as it is of them
        np.tile((inputs - centre) / spread * varies, (2, 1)),
        np.concatenate([labels, ~labels]),
        sample_weight=np.concatenate([weights * certainty, weights * (1 - certainty)]),
    )
    a, *others = (slopes := model.coef_[0] / spread * varies).tolist()
    b = float(model.intercept_[0] - scipy.special.logit(prior) - slopes @ centre)
    if a <= 0:
        a, b, others = 0.0, 0.0, [0.0] * len(others)
    point = eer(roc_curve(scores, target))
    evidence = {
        "speakers": len(set(speakers)),
        "targets": len(targets),
        "nontargets": len(nontargets),
        "errors": min(point.misses, point.false_alarms),
    }
    line = Calibration(a, b, dict(zip(quality or {}, others, strict=True)), evidence)
    tail = fit_tail(line.llr(scores, quality)[~labels])
    return replace(line, tail=asdict(tail))


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
