"""What speech is mixed with: recordings of a data directory, or sounds made here where there are none.

Signals are (N,) float32; how loud they become is for those who add them.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from timbre.corpora.acoustics import coloured_noise
from timbre.errors import AudioError, TimbreError
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.excerpts import load_excerpt
from timbre.kaldi.policy import SharedError
from timbre.kaldi.rxfile import is_command

NAMES = ("noise", "music", "speech", "rirs")
_RESPONSE = 3.0  # seconds of a room's response that are used
_HARMONICS = 6  # of a note; the highest lies at 3 kHz
_CHORDS = np.array([[0, 4, 7], [0, 3, 7], [0, 5, 9], [-3, 0, 4]])  # semitones


class Recordings:
    """The recordings of a data directory (its ``wav.scp``); files are opened when they are asked for."""

    def __init__(self, data: DataDir, rate: int) -> None:
        """``rate``: in Hz, to which they are resampled."""
        self._scp = data.path / "wav.scp"
        self._rate, self._paths = rate, list(data.table("wav.scp").values())
        if commands := [path for path in self._paths if is_command(path)]:
            raise TimbreError(
                f"{data.path}/wav.scp: '{commands[0]}' is a command; parts of recordings are read, so they must be "
                "files: write them to wav or flac first"
            )
        if not self._paths:
            raise TimbreError(f"{data.path}/wav.scp: empty; fill it or remove {data.path}")

    def __len__(self) -> int:
        return len(self._paths)

    def excerpt(self, length: int, rng: np.random.Generator) -> np.ndarray:
        """A random part of a random recording, a shorter one repeated: (length,)."""
        return np.resize(self._read(length, rng), length)

    def response(self, rng: np.random.Generator) -> np.ndarray:
        """The beginning of a random recording, a room's response: (N,), at most 3 s."""
        return self._read(round(_RESPONSE * self._rate), rng, _RESPONSE)

    def _read(self, length: int, rng: np.random.Generator, end: float = math.inf) -> np.ndarray:
        path = self._paths[rng.integers(len(self._paths))]
        try:
            return load_excerpt(path, self._rate, length, rng, end=end)
        except AudioError as error:
            raise SharedError(f"{error}; mend it, or take it out of {self._scp}") from None


def find_recordings(folder: Path | None, rate: int) -> dict[str, Recordings]:
    """The recordings in those of the data directories ``noise``, ``music``, ``speech`` and ``rirs`` that are there.

    Raises:
        TimbreError: none of them is in ``folder``.
    """
    if folder is None:
        return {}
    found = {name: Recordings(DataDir(folder / name), rate) for name in NAMES if (folder / name).is_dir()}
    if not found:
        raise TimbreError(f"{folder}: none of the data directories {', '.join(NAMES)} is there")
    return found


def unsteady_noise(length: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Coloured noise (length,) that swells and fades by up to 30 dB, at random times 0.2 s apart on average."""
    knots = np.sort(rng.uniform(0, length, 2 + int(5 * length / rate)))
    decibels = np.interp(np.arange(length), knots, rng.uniform(-30, 0, len(knots)))
    return coloured_noise(length, rate, rng.uniform(0, 2), rng) * (10 ** (decibels / 20)).astype(np.float32)


def chords(length: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Broken sequences of chords (length,): three struck strings each, of 110 to 500 Hz and 6 harmonics.

    Their shape over one period is looked up by phase, a sine for each harmonic being ten times as slow.
    """
    count = 1 + int(length / (0.15 * rate))  # at the shortest 0.15 s each
    sizes = rng.integers(round(0.15 * rate), round(0.6 * rate), count)
    onsets = np.cumsum(sizes) - sizes
    which = np.repeat(np.arange(count), sizes)[:length]
    since = (np.arange(length) - onsets[which]) / rate
    loudness = rng.uniform(0.3, 1, count)[which] * np.minimum(1, (since * rate + 1) / (0.005 * rate))
    loudness *= np.exp(-since / rng.uniform(0.1, 0.5))
    roots = 2 ** (rng.choice([0, 2, 4, 5, 7, 9], count) / 12)
    intervals = 2 ** (_CHORDS[rng.integers(len(_CHORDS), size=count)] / 12)  # (chords, 3)
    frequencies = rng.uniform(131, 165) * roots[:, None] * intervals
    period = np.arange(1024) * 2 * np.pi / 1024
    strengths = rng.uniform(0, 1, _HARMONICS) / np.arange(1, _HARMONICS + 1) + 0.1
    table = strengths @ np.sin(np.arange(1, _HARMONICS + 1)[:, None] * period)
    phases = np.cumsum(frequencies[which] * (1024 / rate), axis=0) + rng.uniform(0, 1024, 3)  # (length, 3)
    return (loudness * table[phases.astype(np.int64) & 1023].sum(axis=1)).astype(np.float32)
