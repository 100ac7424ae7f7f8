"""Quality measures of trials: how long the speech is, how long the embeddings are.

A calibration with them moves and bends with the trial: short speech makes any score say less, and the length of
the raw embedding, before a mean is subtracted, is small for speech that an encoder makes little of. Measures are
the logarithms of the smaller and the larger value of the two sides, so that the sides can be exchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.datadir import DataDir
from timbre.scoring.embeddings import Embeddings


def utterance_durations(data: DataDir) -> dict[str, float]:
    """``{utterance: seconds}`` of ``utt2dur``."""
    return data.numbers("utt2dur")


def model_durations(data: DataDir) -> dict[str, float]:
    """``{id: seconds}`` of what trials enrol: models (or speakers) with all their utterances, and utterances."""
    durations = utterance_durations(data)
    models = {
        model: sum(durations.get(utterance, 0.0) for utterance in utterances)
        for model, utterances in data.models.items()
    }
    return durations | models


def seconds_of(keys: Iterable[str], durations: Mapping[str, float], path: str | Path) -> np.ndarray:
    """The duration (N,) of each key; one without, or of 0 s, is refused."""
    keys = list(keys)
    seconds = np.array([durations.get(key, 0.0) for key in keys])
    missing = np.flatnonzero(~(seconds > 0))
    if len(missing):
        raise TimbreError(
            f"{path}/utt2dur: no duration of '{keys[missing[0]]}'; run steps/make_feats.sh (stage 1), or take a "
            "back-end without +quality"
        )
    return seconds


def quality_measures(
    enrol: Embeddings,
    test: Embeddings,
    seconds: tuple[np.ndarray, np.ndarray],
    enrol_rows: np.ndarray,
    test_rows: np.ndarray,
) -> dict[str, np.ndarray]:
    """The measures (N,) of trials of rows ``enrol_rows`` (N,) and ``test_rows`` (N,), by name.

    Args:
        seconds: the durations (E,) and (T,) of the two tables' rows.
    """
    lengths = [np.linalg.norm(side.matrix, axis=1) for side in (enrol, test)]
    measures = {}
    for name, sides, (less, more) in (
        ("log_duration", seconds, ("shorter", "longer")),
        ("log_magnitude", lengths, ("smaller", "larger")),
    ):
        pair = np.log(sides[0])[enrol_rows], np.log(sides[1])[test_rows]
        measures |= {f"{name}_{less}": np.minimum(*pair), f"{name}_{more}": np.maximum(*pair)}
    return measures
