"""From log-likelihood ratios against all enrolled people to an answer: who, or unknown.

With the ratio ``l_k`` against each of N people, and a prior π that the voice is of one of them, each as likely as
the others,

    P(k) = π/N · e^{l_k} / Z,    P(unknown) = (1 − π) / Z,    Z = (1 − π) + π/N · Σ_j e^{l_j}

The nearest is accepted where its ratio is at or above a threshold: for a prior ln(N (1 − π) / π), where it is more
probable than ``unknown``; or for a rate of false accepts, that of unknown voices which are taken for anybody
(:mod:`timbre.scoring.tail`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from timbre.errors import TimbreError
from timbre.scoring.tail import Tail, joint_rate, single_rate

FALSE_ACCEPTS = 0.01


@dataclass(frozen=True)
class Rule:
    """When the nearest of ``people`` is accepted: at a ratio of ``threshold``.

    ``false_accepts`` is the rate at which unknown voices then are taken for anybody; ``bound``: at most, if the
    ratios are calibrated, as their tail is not known.
    """

    people: int
    threshold: float
    false_accepts: float
    bound: bool

    def __str__(self) -> str:
        least = "at most " if self.bound else "about "
        with_whom = "1 person" if self.people == 1 else f"{self.people} people"
        rate = f"{least}{100 * self.false_accepts:.3g} % false accepts"
        return f"threshold {self.threshold:.2f}; with {with_whom} {rate}"


def make_rule(
    people: int, tail: Tail | None, false_accepts: float | None = None, prior: float | None = None
) -> Rule:
    """The rule for a rate of false accepts (default 0.01), or for a prior.

    Raises:
        TimbreError: for both, and values that are not between 0 and 1.
    """
    if false_accepts is not None and prior is not None:
        raise TimbreError("--false-accepts and --prior both decide; give one of them")
    for name, value in (("--false-accepts", false_accepts), ("--prior", prior)):
        if value is not None and not 0 < value < 1:
            raise TimbreError(f"{name} {value:g}: take a value between 0 and 1")
    if prior is not None:
        threshold = math.log(people * (1 - prior) / prior)
    else:
        rate = FALSE_ACCEPTS if false_accepts is None else false_accepts
        threshold = math.log(people / rate) if tail is None else tail.threshold(single_rate(rate, people))
    if tail is None:
        return Rule(people, threshold, min(1.0, people * math.exp(-threshold)), True)
    return Rule(people, threshold, joint_rate(tail.rate(threshold), people), False)


def posteriors(llr: np.ndarray, prior: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """``P(k)`` (T, N) and ``P(unknown)`` (T,) of ratios (T, N)."""
    logits = np.concatenate(
        [llr + math.log(prior / llr.shape[1]), np.full((len(llr), 1), math.log1p(-prior))], axis=1
    )
    found = np.exp(logits - logits.max(axis=1, keepdims=True))
    found /= found.sum(axis=1, keepdims=True)
    return found[:, :-1], found[:, -1]
