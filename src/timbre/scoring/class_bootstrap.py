"""Rates of classifications, and their replicates with the speakers resampled.

Utterances of a speaker share that speaker's voice: what is drawn anew is the set of speakers, as in
:mod:`timbre.scoring.bootstrap`. With c_s the number of times that speaker s is drawn, r_s of whose n_s utterances
are classified rightly, a replicate of the accuracy is Σ c_s r_s / Σ c_s n_s. For class k, of whose n_k utterances
h_k are found and for which f_k utterances of other classes are taken,

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

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from timbre.scoring.bootstrap import draw_speakers
from timbre.scoring.difference import Difference


@dataclass(frozen=True)
class Decisions:
    """What a system made of N utterances: of ``truth`` (N,) and ``speakers`` (N,), taken for ``predicted`` (N,).

    All are numbers from 0 on; ``among_best`` (N,) bool is whether the truth is among the few most probable
    classes, or ``None`` where there are no more classes than these.
    """

    truth: np.ndarray
    predicted: np.ndarray
    speakers: np.ndarray
    among_best: np.ndarray | None = None

    @property
    def right(self) -> np.ndarray:
        """Whether each is classified rightly, (N,) bool."""
        return self.truth == self.predicted


def replicates(decisions: Decisions, count: int = 1000, seed: int = 0) -> dict[str, np.ndarray]:
    """:func:`rates` of ``count`` resamplings of the speakers; the same seed draws the same speakers."""
    total = int(decisions.speakers.max()) + 1
    return rates(decisions, draw_speakers(total, count, np.random.default_rng(seed)))


def rates(decisions: Decisions, draws: np.ndarray) -> dict[str, np.ndarray]:
    """Accuracy, recall (the mean over classes, UA), F1 (macro) and, where there is one, the share among the best.

    Args:
        draws: (R, S), how often each speaker counts; ones (1, S) give the rates of the utterances themselves.
    Returns:
        ``{"accuracy": (R,), "recall": (R,), "f1": (R,), "top5": (R,)}``.
    """
    found = {"accuracy": _share(decisions.right, decisions.speakers, draws)}
    found["recall"], found["f1"] = _of_classes(decisions, draws)
    if decisions.among_best is not None:
        found["top5"] = _share(decisions.among_best, decisions.speakers, draws)
    return found


def paired(
    first: np.ndarray, second: np.ndarray, speakers: np.ndarray, count: int = 1000, seed: int = 0
) -> Difference:
    """The difference of two systems' accuracies, of K trainings each (seeds), on the same utterances.

    Where there are several trainings, they are drawn anew as well, seed by seed for both systems, and apart from
    the speakers (the pigeonhole bootstrap: Owen 2007, Annals of Applied Statistics 1). Of few trainings the
    variance comes out too small, by the factor (K − 1) / K.

    Args:
        first, second: (K, N) bool, whether each utterance is classified rightly.
        speakers: (N,) int, whose it is.
    """
    _, speakers = np.unique(speakers, return_inverse=True)
    generator = np.random.default_rng(seed)
    draws = draw_speakers(int(speakers.max()) + 1, count, generator)
    seeds = len(first)
    gains, utterances = _sums(first.astype(np.float64) - second, speakers, draws)
    gains = (gains * generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=count)).sum(axis=1)
    differences = gains / (seeds * utterances)  # of whole numbers: where there is none, it is exactly 0
    return Difference.of(float(first.mean()), float(second.mean()), differences)


def _sums(values: np.ndarray, speakers: np.ndarray, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums (R, K) of values (K, N) over the utterances of drawn speakers, and how many (R,) these are."""
    sums = np.zeros((draws.shape[1], len(values)))
    np.add.at(sums, speakers, values.T)
    return draws @ sums, draws @ np.bincount(speakers, minlength=draws.shape[1])


def _share(values: np.ndarray, speakers: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """The share (R,) of utterances of drawn speakers for which values (N,) hold."""
    sums, utterances = _sums(values[None], speakers, draws)
    return sums[:, 0] / utterances


def _of_classes(decisions: Decisions, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean recall and mean F1 over the classes of the truth, (R,) each."""
    right, speakers = decisions.right, decisions.speakers
    names, truth = np.unique(decisions.truth, return_inverse=True)
    place = np.minimum(np.searchsorted(names, decisions.predicted), len(names) - 1)
    wrong = ~right & (names[place] == decisions.predicted)  # what is taken for no class of the truth misses only
    shape = draws.shape[1], len(names)
    utterances, found = _counts(speakers, truth, shape), _counts(speakers[right], truth[right], shape)
    false = draws @ _counts(speakers[wrong], place[wrong], shape)
    if utterances.nnz == len(names):  # each class is of one speaker
        owners = np.empty(len(names), dtype=np.int64)
        owners[truth] = speakers
        weight = draws[:, owners]
        utterances, found = utterances.sum(axis=0), found.sum(axis=0)
    else:
        utterances, found = draws @ utterances, draws @ found
        weight = (utterances > 0).astype(np.float64)
    recall = found / np.maximum(utterances, 1)
    f1 = 2 * found / np.maximum(utterances + found + false, 1)
    means = [(weight * values).sum(axis=1) / weight.sum(axis=1) for values in (recall, f1)]
    return tuple(np.round(means, 12))  # what is the same but for rounding shall be the same


def _counts(speakers: np.ndarray, classes: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    """How many of these utterances each speaker has of each class, (S, C)."""
    ones = np.ones(len(speakers))
    return sparse.csr_array(sparse.coo_array((ones, (speakers, classes)), shape=shape))
