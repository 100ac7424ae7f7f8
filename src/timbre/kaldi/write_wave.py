"""Waveforms as files, whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile

from timbre.kaldi.atomic import atomic_write


def write_wave(path: str | Path, samples: np.ndarray, rate: int) -> None:
    """Writes samples ``(N,)`` in [-1, 1) as a RIFF file of 16 bits.

    It is made in memory: libsndfile would say nothing of an error of the file that it writes into.
    """
    made = io.BytesIO()
    soundfile.write(made, samples, rate, format="WAV", subtype="PCM_16")
    with atomic_write(path, "wb") as file:
        file.write(made.getbuffer())
