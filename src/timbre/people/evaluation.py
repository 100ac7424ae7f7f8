"""Open-set identification: how often people are named rightly, and how often strangers are taken for one of them.

Of tests of enrolled people and of unknown ones, with s the score of the nearest and θ a threshold,

    FAR(θ) = #{unknown: s ≥ θ} / #{unknown}                        strangers taken for anybody
    DIR(θ) = #{enrolled: s ≥ θ, the nearest is the right one} / #{enrolled}

(Phillips, Grother and Micheals 2011, "Evaluation methods in face recognition"). Intervals resample the speakers of
the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from timbre.errors import TimbreError
from timbre.scoring.bootstrap import draw_speakers, shown, with_interval

REPLICATES = 1000


def evaluate_open_set(
    scores: np.ndarray,
    people: Sequence[str],
    speakers: Sequence[str],
    threshold: float | None = None,
    rate: float = 0.01,
    seed: int = 0,
) -> dict[str, Any]:
    """Rates at a ``threshold``, and the DIR at the threshold where the FAR on these tests is at most ``rate``.

    Args:
        scores: (T, N) of tests against ``people`` (N).
        speakers: (T) of the tests; who is none of ``people`` is unknown.

    Raises:
        TimbreError: where nobody, or everybody, is unknown.
    """
    names, tested = np.asarray(people), np.asarray(speakers)
    enrolled = np.isin(tested, names)
    if enrolled.all() or not enrolled.any():
        raise TimbreError(
            f"{int(enrolled.sum())} of {len(tested)} tests are of enrolled people; both kinds are needed, "
            "enrolled and unknown"
        )
    best, right = scores.max(axis=1), names[scores.argmax(axis=1)] == tested
    known, number = np.unique(tested, return_inverse=True)
    draws = draw_speakers(len(known), REPLICATES, np.random.default_rng(seed))

    def share(hits: np.ndarray, of: np.ndarray) -> dict[str, float | None]:
        """How many of some tests (mask) are hits, with the interval."""
        weights = draws[:, number[of]]
        with np.errstate(invalid="ignore", divide="ignore"):
            return with_interval(float(hits[of].mean()), weights @ hits[of] / weights.sum(axis=1))

    strangers = np.sort(best[~enrolled])
    kept = int(np.floor(rate * len(strangers)))  # strangers that may be accepted
    at_rate = float(np.nextafter(strangers[len(strangers) - 1 - kept], np.inf))
    found: dict[str, Any] = {
        "people": len(names),
        "enrolled": {"tests": int(enrolled.sum()), "speakers": len(set(tested[enrolled].tolist()))},
        "unknown": {"tests": int((~enrolled).sum()), "speakers": len(set(tested[~enrolled].tolist()))},
        "rank_1": share(right, enrolled),
        "far_asked": rate,
        "dir_at_far": share(right & (best >= at_rate), enrolled),
        "threshold_at_far": at_rate,
    }
    if threshold is not None:
        found |= {
            "threshold": threshold,
            "far": share(best >= threshold, ~enrolled),
            "dir": share(right & (best >= threshold), enrolled),
        }
    return found


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures, for people."""
    counted = (
        "{people} people; tests: {enrolled[tests]} of {enrolled[speakers]} enrolled speakers, {unknown[tests]} of "
    )
    said = [
        (counted + "{unknown[speakers]} unknown ones").format(**figures),
        f"nearest is right: {shown(figures['rank_1'], 100)} % of the enrolled",
        f"DIR at FAR {100 * figures['far_asked']:g} %: {shown(figures['dir_at_far'], 100)} %",
    ]
    if "threshold" in figures:
        promised = figures.get("false_accepts_promised")
        said.append(
            f"at the threshold {figures['threshold']:.3f}: DIR {shown(figures['dir'], 100)} %, "
            f"FAR {shown(figures['far'], 100)} %"
            + ("" if promised is None else f", promised {100 * promised:.3g} %")
        )
    return said
