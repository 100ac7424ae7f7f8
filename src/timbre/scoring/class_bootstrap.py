"""Rates of classifications, and their replicates with the speakers resampled.

Utterances of a speaker share that speaker's voice: what is drawn anew is the set of speakers, as in
:mod:`timbre.scoring.bootstrap`. One or two speakers are no set to draw from; their utterances are drawn instead,
and the intervals are those of further utterances of theirs. With c_s the number of times that speaker (or
utterance) s is drawn, r_s of whose n_s utterances are classified rightly, a replicate of the accuracy is
Σ c_s r_s / Σ c_s n_s. For class k, of whose n_k utterances h_k are found and for which f_k utterances of other
classes are taken,

    recall_k = h_k / n_k,      F1_k = 2 h_k / (n_k + h_k + f_k)

and both are averaged over the classes that there are utterances of. Which weights the counts have depends on what a
class is to a speaker:

    several speakers show each class (emotions)      h, n and f sum c_s, and each class that is there counts once
    each class is of one speaker (identification)    classes are drawn with their speakers: class k counts c_s times
                                                     with its own h_k and n_k, and f_k sums c_s over the others

If in the second case a class counted once however often it is drawn, the replicates would vary too little: by a
subset of the classes, and not by their number. All sums are products of (R, S) draws with counts by speaker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from timbre.scoring.bootstrap import draw_speakers, with_interval
from timbre.scoring.difference import Difference

LEAST_SPEAKERS = 3
"""Of fewer speakers utterances are resampled."""


@dataclass(frozen=True)
class Decisions:
    """What a system made of N utterances: of ``truth`` (N,) and ``units`` (N,), taken for ``predicted`` (N,).

    All are numbers from 0 on; units are what is drawn anew (:func:`resampled`). ``among_best`` (N,) bool is whether
    the truth is among the few most probable classes, or ``None`` where there are no more classes than these.
    """

    truth: np.ndarray
    predicted: np.ndarray
    units: np.ndarray
    among_best: np.ndarray | None = None

    @property
    def right(self) -> np.ndarray:
        """Whether each is classified rightly, (N,) bool."""
        return self.truth == self.predicted


@dataclass(frozen=True)
class ClassRates:
    """Of C classes ``names`` (C,) in each of R replicates: ``recall``, ``f1`` and what a class counts, (R, C) all.

    A class of which nothing is drawn counts 0, and has NaN for its rates.
    """

    names: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    weight: np.ndarray


def resampled(speakers: np.ndarray) -> tuple[str, np.ndarray]:
    """What is drawn anew of utterances by ``speakers`` (N,), from 0 on: its name, and whose each is, (N,).

    ``speakers``; where there are fewer than three, ``utterances``.
    """
    return (
        ("speakers", speakers) if speakers.max() + 1 >= LEAST_SPEAKERS else ("utterances", np.arange(len(speakers)))
    )


def replicates(decisions: Decisions, count: int = 1000, seed: int = 0) -> dict[str, np.ndarray]:
    """:func:`rates` of ``count`` resamplings of the units; the same seed draws the same units."""
    return rates(decisions, draw_units(decisions.units, count, seed))


def draw_units(units: np.ndarray, count: int = 1000, seed: int = 0) -> np.ndarray:
    """How often each of S units is drawn in each of R = ``count`` resamplings, (R, S)."""
    return draw_speakers(int(units.max()) + 1, count, np.random.default_rng(seed))


def rates(decisions: Decisions, draws: np.ndarray) -> dict[str, np.ndarray]:
    """Accuracy, recall (the mean over classes, UA), F1 (macro) and, where there is one, the share among the best.

    Args:
        draws: (R, S), how often each unit counts; ones (1, S) give the rates of the utterances themselves.
    Returns:
        ``{"accuracy": (R,), "recall": (R,), "f1": (R,), "top5": (R,)}``.
    """
    classes = class_rates(decisions, draws)
    found = {
        "accuracy": _share(decisions.right, decisions.units, draws),
        "recall": _mean(classes.recall, classes.weight),
        "f1": _mean(classes.f1, classes.weight),
    }
    if decisions.among_best is not None:
        found["top5"] = _share(decisions.among_best, decisions.units, draws)
    return found


def recall(decisions: Decisions) -> dict[str, float]:
    """UA, the mean recall of classes: ``value``, ``low`` and ``high``."""
    draws = draw_units(decisions.units)
    return with_interval(rates(decisions, np.ones_like(draws[:1]))["recall"][0], rates(decisions, draws)["recall"])


def paired(
    first: np.ndarray, second: np.ndarray, units: np.ndarray, count: int = 1000, seed: int = 0
) -> Difference:
    """The difference of two systems' accuracies, of K trainings each (seeds), on the same utterances.

    Where there are several trainings, they are drawn anew as well, seed by seed for both systems, and apart from
    the speakers (the pigeonhole bootstrap: Owen 2007, Annals of Applied Statistics 1). Of few trainings the
    variance comes out too small, by the factor (K − 1) / K.

    Args:
        first, second: (K, N) bool, whether each utterance is classified rightly.
        units: (N,) int, whose it is (:func:`resampled`).
    """
    _, units = np.unique(units, return_inverse=True)
    generator = np.random.default_rng(seed)
    draws = draw_speakers(int(units.max()) + 1, count, generator)
    seeds = len(first)
    gains, utterances = _sums(first.astype(np.float64) - second, units, draws)
    gains = (gains * generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=count)).sum(axis=1)
    differences = gains / (seeds * utterances)  # of whole numbers: where there is none, it is exactly 0
    return Difference.of(float(first.mean()), float(second.mean()), differences)


def paired_recalls(
    first: Sequence[Decisions], second: Sequence[Decisions], count: int = 1000, seed: int = 0
) -> Difference:
    """:func:`paired` of the mean recall of classes (UA), of K trainings each on the same utterances."""
    generator = np.random.default_rng(seed)
    draws = draw_speakers(int(first[0].units.max()) + 1, count, generator)
    once, seeds = np.ones((1, draws.shape[1])), len(first)
    points = [np.mean([rates(one, once)["recall"] for one in system]) for system in (first, second)]
    pairs = zip(first, second, strict=True)
    gains = np.stack([rates(one, draws)["recall"] - rates(other, draws)["recall"] for one, other in pairs], axis=1)
    weight = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=count)
    return Difference.of(*map(float, points), (gains * weight).sum(axis=1) / seeds)


def class_rates(decisions: Decisions, draws: np.ndarray) -> ClassRates:
    """Recall and F1 of each class of the truth, of ``draws`` (R, S) as in :func:`rates`."""
    right, units = decisions.right, decisions.units
    names, truth = np.unique(decisions.truth, return_inverse=True)
    place = np.minimum(np.searchsorted(names, decisions.predicted), len(names) - 1)
    wrong = ~right & (names[place] == decisions.predicted)  # what is taken for no class of the truth misses only
    shape = draws.shape[1], len(names)
    utterances, found = _counts(units, truth, shape), _counts(units[right], truth[right], shape)
    false = draws @ _counts(units[wrong], place[wrong], shape)
    if utterances.nnz == len(names):  # each class is of one unit
        owners = np.empty(len(names), dtype=np.int64)
        owners[truth] = units
        weight = draws[:, owners]
        utterances, found = utterances.sum(axis=0), found.sum(axis=0)
    else:
        utterances, found = draws @ utterances, draws @ found
        weight = (utterances > 0).astype(np.float64)
    there = np.where(weight > 0, 1, np.nan)
    recall = there * found / np.maximum(utterances, 1)
    return ClassRates(names, recall, there * 2 * found / np.maximum(utterances + found + false, 1), weight)


def _mean(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The mean (R,) of values (R, C) over the classes that count."""
    means = np.nansum(weight * values, axis=1) / weight.sum(axis=1)
    return np.round(means, 12)  # what is the same but for rounding shall be the same


def _sums(values: np.ndarray, units: np.ndarray, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums (R, K) of values (K, N) over the utterances of drawn units, and how many (R,) these are."""
    sums = np.zeros((draws.shape[1], len(values)))
    np.add.at(sums, units, values.T)
    return draws @ sums, draws @ np.bincount(units, minlength=draws.shape[1])


def _share(values: np.ndarray, units: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """The share (R,) of utterances of drawn units for which values (N,) hold."""
    sums, utterances = _sums(values[None], units, draws)
    return sums[:, 0] / utterances


def _counts(units: np.ndarray, classes: np.ndarray, shape: tuple[int, int]) -> scipy.sparse.csr_array:
    """How many of these utterances each unit has of each class, (S, C)."""
    ones = np.ones(len(units))
    return scipy.sparse.csr_array(scipy.sparse.coo_array((ones, (units, classes)), shape=shape))
