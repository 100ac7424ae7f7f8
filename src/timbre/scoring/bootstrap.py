"""Confidence intervals by resampling speakers.

The trials of a speaker share that speaker's voice and utterances and are not independent: resampling trials
gives intervals several times too narrow. What is drawn anew is the set of speakers. With c_s the number of
times that speaker s is drawn (Σ c_s = S, multinomial), a replicate weighs

    a target trial of s by c_s,      a nontarget trial of a and b by c_a · c_b

(Snijders and Borgatti 1999 for networks; Poh and Bengio 2007 for verification), and the 95 % interval reaches
from the 2.5th to the 97.5th percentile of the replicates' error rates. The same seed draws the same speakers,
so the difference of two systems is that of their replicates, pair by pair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.trials import Trials
from timbre.scoring.metrics import roc_curve

PRIORS = (0.01, 0.05)
_BLOCK = 1 << 18  # trials × replicates at a time: a few megabytes, which stay in the cache
_MOST = 1_000_000_000  # trials × replicates in all: beyond it, fewer replicates are drawn …
_LEAST = 200  # … but not fewer than these


@dataclass(frozen=True)
class Speakers:
    """Whose trials these are: the number ``enrol`` (N,), ``test`` (N,) of each one's speaker among ``names``."""

    names: list[str]
    enrol: np.ndarray
    test: np.ndarray

    def take(self, trials: np.ndarray) -> Speakers:
        """Those of some trials (mask or indices)."""
        return Speakers(self.names, self.enrol[trials], self.test[trials])


def speakers_of(
    trials: Trials, speaker: Mapping[str, str], trials_path: str | Path = "trials", table: str | Path = "utt2spk"
) -> Speakers:
    """The speakers of trials whose ids are utterances or models, by ``speaker`` (id → speaker).

    Raises:
        TimbreError: naming the trial's line, for an id without speaker and for a label that contradicts
            the speakers.
    """
    columns = []
    for ids in (trials.enrol, trials.test):
        names = np.fromiter(map(speaker.get, ids, repeat("")), dtype=object, count=len(ids))
        unknown = np.flatnonzero(names == "")
        if len(unknown):
            line = unknown[0]
            raise TimbreError(
                f"{trials_path}:{line + 1}: '{ids[line]}' is neither an utterance nor a speaker of {table}; "
                "is this the list of another data directory?"
            )
        columns.append(names)
    names = sorted(set(columns[0]) | set(columns[1]))
    number = {name: i for i, name in enumerate(names)}
    enrol, test = (np.fromiter(map(number.__getitem__, c), dtype=np.int64, count=len(c)) for c in columns)
    wrong = np.flatnonzero((enrol == test) != trials.target)
    if len(wrong):
        line = wrong[0]
        label = "target" if trials.target[line] else "nontarget"
        raise TimbreError(
            f"{trials_path}:{line + 1}: a {label} trial of the speakers '{columns[0][line]}' and "
            f"'{columns[1][line]}' by {table}; correct the one or the other"
        )
    return Speakers(names, enrol, test)


def replicates(
    scores: np.ndarray,
    target: np.ndarray,
    speakers: Speakers,
    count: int = 1000,
    seed: int = 0,
    priors: Sequence[float] = PRIORS,
) -> dict[str, np.ndarray]:
    """Error rates of ``count`` resamplings of the speakers of trials (N,).

    Above a million trials fewer replicates are drawn, so that trials × replicates stay below 10⁹, but at
    least 200: the ends of the interval get rougher, the running time stays below a minute or so.

    Returns:
        ``{"eer": (R,), "min_dcf_0.01": (R,), …}``; NaN for a replicate without targets or nontargets.
    """
    count = min(count, max(_LEAST, _MOST // len(scores)))
    draws = draw_speakers(len(speakers.names), count, np.random.default_rng(seed))

    # Ties and corners are those of the unweighted ROC: a corner that loses the k lowest targets loses the sum
    # of their weights.
    roc = roc_curve(scores, target)
    lost_targets, lost_nontargets = roc.misses, roc.nontargets - roc.false_alarms
    targets, nontargets = np.flatnonzero(target), np.flatnonzero(~target)
    targets = targets[np.argsort(scores[targets], kind="stable")]
    nontargets = nontargets[np.argsort(scores[nontargets], kind="stable")]
    speaker = speakers.enrol[targets]
    one, other = speakers.enrol[nontargets], speakers.test[nontargets]

    result = {name: np.empty(count) for name in ("eer", *(f"min_dcf_{prior:g}" for prior in priors))}
    rows = max(1, _BLOCK // len(scores))
    for start in range(0, count, rows):
        draw = draws[start : start + rows]
        fnr = _share(draw[:, speaker], lost_targets)
        fpr = 1 - _share(draw[:, one] * draw[:, other], lost_nontargets)
        block = slice(start, start + len(draw))
        result["eer"][block] = _eer(fnr, fpr)
        for prior in priors:
            cost = (prior * fnr + (1 - prior) * fpr).min(axis=1)
            result[f"min_dcf_{prior:g}"][block] = cost / min(prior, 1 - prior)
    return result


def draw_speakers(total: int, count: int, generator: np.random.Generator) -> np.ndarray:
    """How often each of S = ``total`` speakers is drawn in each of R = ``count`` replicates, (R, S)."""
    return generator.multinomial(total, np.full(total, 1 / total), size=count).astype(np.float64)


def interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float] | None:
    """The percentile interval of replicates (R,), or ``None`` where resampling cannot tell.

    That is where a tenth of the replicates or more are NaN, and where all are the same: a list without an
    error has none in any replicate either, and [0, 0] would claim a certainty that nobody has.
    """
    low, high = intervals(values[:, None], level)[:, 0].tolist()
    return None if np.isnan(low) else (low, high)


def intervals(values: np.ndarray, level: float = 0.95) -> np.ndarray:
    """Lower and upper ends (2, K) of K measures' replicates (R, K); NaN where :func:`interval` is ``None``."""
    found = np.full((2, values.shape[1]), np.nan)
    told = np.isnan(values).mean(axis=0) < 0.1
    told[told] = np.nanmax(values[:, told], axis=0) > np.nanmin(values[:, told], axis=0)
    ends = [50 * (1 - level), 50 * (1 + level)]
    if told.any():
        found[:, told] = np.nanpercentile(values[:, told], ends, axis=0)
    return found


def with_interval(value: float, values: np.ndarray) -> dict[str, float | None]:
    """A value with the interval of its replicates (R,), as measures stand in ``metrics.json``."""
    return with_intervals(np.array([value]), intervals(values[:, None]))[0]


def with_intervals(values: np.ndarray, ends: np.ndarray) -> list[dict[str, float | None]]:
    """K values with the ends (2, K) of their intervals, as measures stand in ``metrics.json``."""
    columns = (values.tolist(), *np.where(np.isnan(ends), None, ends).tolist())
    return [dict(zip(("value", "low", "high"), row, strict=True)) for row in zip(*columns, strict=True)]


def shown(measure: Mapping[str, float | None], times: float = 1) -> str:
    """A measure of :func:`with_interval`, times a number, for people: ``1.2 [0.8, 1.9]``."""
    value, low, high = (measure[name] for name in ("value", "low", "high"))
    interval = "" if low is None or high is None else f" [{times * low:.3g}, {times * high:.3g}]"
    return f"{times * value:.3g}{interval}"


def _share(weights: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """The share (R, K) of the weights (R, M) that the ``lost`` (K,) first of them make up; NaN where all are 0."""
    below = np.zeros((len(weights), weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=below[:, 1:])
    total = below[:, -1:]
    return below[:, lost] / np.where(total > 0, total, np.nan)


def _eer(fnr: np.ndarray, fpr: np.ndarray) -> np.ndarray:
    """:func:`timbre.scoring.metrics.eer` for each row of corners (R, K)."""
    difference = fnr - fpr
    after = np.maximum((difference >= 0).argmax(axis=1), 1)
    rows = np.arange(len(fnr))
    low, high = difference[rows, after - 1], difference[rows, after]
    before, behind = fnr[rows, after - 1], fnr[rows, after]
    return before - low / (high - low) * (behind - before)
