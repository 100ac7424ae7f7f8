"""Are two recordings of one speaker? A trained model's answer, with what its back-end knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.waveform import Audio
from timbre.models.trained import TrainedModel
from timbre.scoring.calibration import Calibration


@dataclass(frozen=True)
class Verification:
    """The cosine of two embeddings, less the model's mean where it has one, and what held-out speakers make of it.

    ``probability`` is that of one speaker at even prior odds; it, ``threshold`` and ``same_speaker`` are ``None``
    for a model without a threshold: a published checkpoint, or one trained without held-out speakers.
    ``doubt`` says why the probability is to be taken with care.
    """

    score: float
    probability: float | None
    threshold: float | None
    same_speaker: bool | None
    doubt: str = ""


def verify(model: TrainedModel, first: Audio, second: Audio, rate=None):
    """Compares two audio files, or samples at ``rate`` Hz; returns a :class:`Verification`."""
    if model.output != "embedding":
        raise TimbreError(
            "this model was trained to classify and has no back-end for verification; use timbre identify, or "
            "train one with task: verification"
        )
    mean = model.backend.get("mean")
    a, b = (model.embed(source, rate) - (0.0 if mean is None else mean.numpy()) for source in (first, second))
    score = float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
    if model.backend.get("threshold") is None:
        return Verification(score, None, None, None)
    threshold = model.backend["threshold"]
    calibration = Calibration(**model.backend["calibration"])
    probability = float(calibration.probability(np.array([score]))[0])
    return Verification(score, probability, threshold, score >= threshold, calibration.doubt())
