"""A calibration on one's own recordings, as a file: what scores mean there, and how well that is known."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.text import read_text
from timbre.scoring.bootstrap import shown
from timbre.scoring.calibration import Calibration
from timbre.scoring.embeddings import Embeddings
from timbre.scoring.tail import Tail

FORMAT = "timbre-calibration-1"


@dataclass(frozen=True)
class OwnCalibration:
    """What was fitted, and on what.

    Attributes:
        model_sha256: of the model whose scores these are.
        backend: the name of the back-end that made them, without a calibration.
        cohort_sha256: of its cohort's embeddings, ``""`` without one of one's own.
        recordings: how many made an enrolment.
        line: from scores to log-likelihood ratios.
        qualities: of each measure of a recording the range that was seen
            (:func:`timbre.people.recording.quality_range`).
        measures: what left-out speakers said of it (:mod:`timbre.people.calibrate`).
    """

    model_sha256: str
    backend: str
    cohort_sha256: str
    recordings: int
    line: Calibration
    qualities: dict[str, tuple[float, float]] = field(default_factory=dict)
    measures: dict[str, Any] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """The measures, for people."""
        measures = self.measures
        yield "{speakers} speakers, {targets} target and {nontargets} nontarget trials".format(**measures)
        yield f"EER % {shown(measures['eer'], 100)}; Cllr {shown(measures['cllr'])}"
        promised = 100 * measures["promised_false_accepts"]
        yield (
            f"at the threshold for {promised:g} % false accepts of one comparison, on speakers left out: "
            f"false accepts % {shown(measures['false_accepts'], 100)}, "
            f"false rejects % {shown(measures['false_rejects'], 100)}"
        )


def write_calibration(path: str | Path, calibration: OwnCalibration) -> None:
    """Writes the file, whole or not at all."""
    with atomic_write(path) as file:
        file.write(json.dumps({"format": FORMAT, **asdict(calibration)}, indent=2, ensure_ascii=False) + "\n")


def read_calibration(path: str | Path) -> OwnCalibration:
    """Reads a file of :func:`write_calibration`.

    Raises:
        TimbreError: for another file, and for values that no calibration has.
    """
    mend = "make it again (timbre calibrate)"
    try:
        values = json.loads(read_text(path))
    except ValueError:
        raise TimbreError(f"{path}: not JSON; {mend}") from None
    if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
        raise TimbreError(f"{path}: not a calibration (format {FORMAT}); {mend}")
    try:
        values["line"] = Calibration(**values["line"])
        values["qualities"] = {name: (float(low), float(high)) for name, (low, high) in values["qualities"].items()}
        found = OwnCalibration(**values)
        tail = Tail(**found.line.tail)
        numbers = [found.line.a, found.line.b, tail.start, tail.excess]
        sound = all(math.isfinite(number) for number in numbers) and found.line.a >= 0 and tail.excess > 0
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TimbreError(f"{path}: damaged ({type(error).__name__}: {error}); {mend}") from None
    if not sound:
        raise TimbreError(f"{path}: damaged: numbers that no calibration has; {mend}")
    return found


def cohort_sha256(cohort: Embeddings | None) -> str:
    """Of a cohort's embeddings; ``""`` without one."""
    return "" if cohort is None else hashlib.sha256(np.ascontiguousarray(cohort.matrix).tobytes()).hexdigest()
