"""Fits a calibration on one's own recordings, and says how good it is by speakers that it was not fitted on.

All pairs of recordings are trials, or models of several recordings against others
(:mod:`timbre.scoring.heldout_trials`). Speakers are divided into groups; the trials of two groups are judged by a
line and a tail (:mod:`timbre.scoring.tail`) fitted on the trials between all others. So nothing that is reported
was fitted on the speakers that it is about. What is kept is fitted on all of them. Intervals resample speakers
(:mod:`timbre.scoring.bootstrap`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.waveform import Audio
from timbre.models.trained import TrainedModel
from timbre.people.own_calibration import OwnCalibration, cohort_sha256
from timbre.people.recogniser import Recogniser
from timbre.people.recording import Quality, quality_range
from timbre.scoring import calibration
from timbre.scoring.backend import Backend
from timbre.scoring.bootstrap import Speakers, draw_speakers, replicates, with_interval
from timbre.scoring.calibration import Calibration
from timbre.scoring.embeddings import Embeddings
from timbre.scoring.heldout_trials import heldout_trials
from timbre.scoring.metrics import eer, roc_curve
from timbre.scoring.tail import Tail

FEWEST = 4
"""Speakers with two recordings (or one more than a model has): with two groups left out, two are left to fit on."""
ENOUGH = calibration.ENOUGH["speakers"]
GROUPS = 8
MOST = 20_000
"""Trials of each kind."""
REPLICATES = 500


def calibrate(
    model: str | Path | TrainedModel,
    recordings: Iterable[tuple[str, Audio] | tuple[str, Audio, str]],
    backend: str = "",
    cohort: str | Path | None = None,
    size: int = 1,
    false_accepts: float = 0.01,
    device: str = "cpu",
    rate: int | None = None,
) -> tuple[OwnCalibration, list[str]]:
    """A calibration of a model's scores on one's own recordings, and warnings.

    Args:
        recordings: ``(speaker, source)``, or ``(speaker, source, session)``, each.
        size: how many recordings make an enrolment, as a rule.
        backend, cohort, device: as :class:`timbre.people.recogniser.Recogniser`.
        false_accepts: the rate of one comparison that is judged.
    """
    return calibrate_recogniser(
        Recogniser(model, backend, cohort, device=device), recordings, size, false_accepts, rate
    )


def calibrate_recogniser(
    recogniser: Recogniser,
    recordings: Iterable[tuple[str, Audio] | tuple[str, Audio, str]],
    size: int = 1,
    false_accepts: float = 0.01,
    rate: int | None = None,
) -> tuple[OwnCalibration, list[str]]:
    """:func:`calibrate` of a model and back-end that are there."""
    speakers: list[str] = []
    sessions: list[str] = []

    def sources() -> Iterable[Audio]:
        for speaker, source, *session in recordings:
            speakers.append(speaker)
            sessions.append(session[0] if session else "")
            yield source

    heard = recogniser.hear(sources(), rate)
    table = Embeddings([f"recording {row + 1}" for row in range(len(speakers))], heard.embeddings, "recordings")
    how = (heard.qualities, sessions, size, false_accepts)
    own, doubts = fit_own(recogniser.backend, recogniser.model.sha256, table, speakers, *how)
    return own, [*(line for lines in heard.warnings for line in lines), *doubts]


def fit_own(
    backend: Backend,
    model_sha256: str,
    table: Embeddings,
    speakers: Sequence[str],
    qualities: Sequence[Quality] = (),
    sessions: Sequence[str] = (),
    recordings: int = 1,
    false_accepts: float = 0.01,
    seed: int = 0,
) -> tuple[OwnCalibration, list[str]]:
    """A calibration of the back-end's scores, and warnings.

    Args:
        table: embeddings (N, D) of recordings of ``speakers`` (N).
        qualities: of the recordings, if they are known.
        sessions: of the recordings; without them nobody knows whether a speaker was recorded more than once.
        recordings: how many make a model; one: pairs of recordings.
        false_accepts: the rate of a single comparison whose threshold is judged.

    Raises:
        TimbreError: for too few speakers, or scores that say nothing, with how many would do.
    """
    names = np.asarray(speakers)
    _refuse_too_few(names, recordings)
    bare = replace(backend, name=replace(backend.name, calibration=""), calibration=None)
    sides, target = heldout_trials(table, names, recordings, most=MOST, seed=seed)
    scores = bare.scores(sides)
    order = np.argsort(names, kind="stable") if recordings > 1 else np.arange(len(names))  # of the models' rows
    known, number = np.unique(names, return_inverse=True)
    pairs = Speakers(known.tolist(), number[order][sides.enrol_rows], number[sides.test_rows])
    llr, accepted = _judge(scores, target, pairs, false_accepts, seed)
    line = calibration.fit(scores, target, names)
    own = OwnCalibration(
        model_sha256,
        str(bare.name),
        cohort_sha256(bare.cohort),
        recordings,
        line,
        quality_range(list(qualities)) if qualities else {},
        _measure(scores, llr, accepted, target, pairs, false_accepts, seed),
    )
    return own, _doubts(line, names, sessions)


def _refuse_too_few(speakers: np.ndarray, recordings: int) -> None:
    counts = Counter(speakers.tolist())
    usable = sum(count > recordings for count in counts.values())
    if usable < FEWEST:
        raise TimbreError(
            f"{usable} of {len(counts)} speakers have {recordings + 1} recordings or more, and {FEWEST} such "
            f"speakers are the fewest to calibrate on; {ENOUGH} with four recordings each would do"
        )


def _judge(
    scores: np.ndarray, target: np.ndarray, pairs: Speakers, false_accepts: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Of each trial its ratio (N,) and whether it is accepted (N,), by what was fitted on other speakers."""
    count = min(GROUPS, len(pairs.names))
    group = np.random.default_rng(seed).permutation(len(pairs.names)) % count
    one, other = group[pairs.enrol], group[pairs.test]
    llr, accepted = np.empty(len(scores)), np.empty(len(scores), dtype=bool)
    for first, second in combinations_with_replacement(range(count), 2):
        judged = (np.minimum(one, other) == first) & (np.maximum(one, other) == second)
        if not judged.any():
            continue
        left = ~np.isin(one, (first, second)) & ~np.isin(other, (first, second))
        if target[left].all() or not target[left].any():
            raise TimbreError(
                "with some speakers left out no two recordings of one speaker are left; add two of each speaker"
            )
        line = calibration.fit(scores[left], target[left], [])
        llr[judged] = line.llr(scores[judged])
        accepted[judged] = llr[judged] >= Tail(**line.tail).threshold(false_accepts)
    return llr, accepted


def _measure(
    scores: np.ndarray,
    llr: np.ndarray,
    accepted: np.ndarray,
    target: np.ndarray,
    pairs: Speakers,
    false_accepts: float,
    seed: int,
) -> dict[str, Any]:
    """EER, Cllr, false accepts and false rejects with their intervals, and how many trials of whom."""
    draws = draw_speakers(len(pairs.names), REPLICATES, np.random.default_rng(seed))
    weights = {
        True: draws[:, pairs.enrol[target]],
        False: draws[:, pairs.enrol[~target]] * draws[:, pairs.test[~target]],
    }

    def mean(values: np.ndarray, of_targets: bool) -> tuple[float, np.ndarray]:
        """The mean over trials of one kind, and its replicates."""
        drawn = weights[of_targets]
        with np.errstate(invalid="ignore"):
            return float(values.mean()), drawn @ values / drawn.sum(axis=1)

    lost = [mean(np.logaddexp(0, -llr[target]), True), mean(np.logaddexp(0, llr[~target]), False)]
    cost = sum(value for value, _ in lost) / 2 / np.log(2), (lost[0][1] + lost[1][1]) / 2 / np.log(2)
    rates = replicates(scores, target, pairs, REPLICATES, seed)
    return {
        "speakers": len(pairs.names),
        "targets": int(target.sum()),
        "nontargets": int((~target).sum()),
        "eer": with_interval(eer(roc_curve(scores, target)).value, rates["eer"]),
        "cllr": with_interval(*cost),
        "promised_false_accepts": false_accepts,
        "false_accepts": with_interval(*mean(accepted[~target].astype(float), False)),
        "false_rejects": with_interval(*mean(1.0 - accepted[target], True)),
    }


def _doubts(line: Calibration, speakers: np.ndarray, sessions: Sequence[str]) -> list[str]:
    """What speaks against the calibration, in lines."""
    found = [line.doubt()] if line.doubt() else []
    if not any(sessions):
        found.append(
            "no sessions are named (third column): where a speaker's recordings are of one day and one microphone, "
            "errors on another day are more"
        )
    else:
        of_speaker: dict[str, set[str]] = {}
        for speaker, session in zip(speakers.tolist(), sessions, strict=True):
            of_speaker.setdefault(speaker, set()).add(session)
        alone = sum(len(those) == 1 for those in of_speaker.values())
        if alone:
            found.append(
                f"{alone} of {len(of_speaker)} speakers have one session only: errors on another day are more"
            )
        if len(set(sessions)) == 1:
            found.append(
                "all recordings are of one session: the channel is the same for everybody, and was not tried"
            )
    return found
