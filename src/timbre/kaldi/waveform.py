"""A waveform with its rate and name, from whatever a user of a model has."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from timbre.errors import AudioError, named
from timbre.kaldi.audio import load, require_sound


class Waveform(NamedTuple):
    """Attributes:
    samples: (N,) float32 in [-1, 1).
    rate: in Hz.
    name: for messages.
    resample: whether a model of another rate may resample it, whatever its conf says.
    """

    samples: np.ndarray
    rate: int
    name: str
    resample: bool = False


Audio = str | Path | np.ndarray | Waveform
"""What :func:`waveform` takes."""


def waveform(source: Audio, rate: int | None = None) -> Waveform:
    """An audio file, samples ``(N,)`` in [-1, 1) at ``rate`` Hz, or a waveform, as a waveform.

    Raises:
        AudioError: what :func:`timbre.kaldi.audio.load` refuses; samples without a rate, of whole numbers, or of
            more than one dimension.
    """
    if isinstance(source, Waveform):
        return source
    if isinstance(source, str | Path):
        return Waveform(*load(str(source)), str(source))
    samples = np.asarray(source)
    if samples.ndim != 1:
        raise AudioError(
            f"samples: expected one channel (N,), found {samples.shape}; take the mean of the channels"
        )
    if not np.issubdtype(samples.dtype, np.floating):
        raise AudioError(f"samples: {samples.dtype}; give numbers in [-1, 1), as float32: int16 divided by 32768")
    if not rate:
        raise AudioError("samples: their rate is missing; give it in Hz: rate=16000")
    with named("samples"):
        require_sound(samples)
    return Waveform(samples.astype(np.float32), rate, "samples")
