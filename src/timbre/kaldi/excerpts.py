"""Random parts of recordings, read without the rest of them where their coding allows it."""

from __future__ import annotations

import math

import numpy as np

from timbre.errors import AudioError
from timbre.kaldi.audio import require_numbers, resample
from timbre.kaldi.containers import Promise
from timbre.kaldi.open_audio import WIDTHS, AudioFile, all_samples, open_audio

MAX_OVERSHOOT = 0.5
"""In s: a segment may end so far past its recording, and is cut there, as by Kaldi's extract-segments."""
_SILENT = 1e-8  # the mean power of full scale (-80 dB) below which an excerpt is no sound
_EXACT = WIDTHS.keys() - {"FLOAT", "DOUBLE"}  # one can go to any sample, and all are numbers


def load_excerpt(
    path: str,
    rate: int,
    length: int,
    rng: np.random.Generator,
    start: float = 0.0,
    end: float = math.inf,
    strict: bool = False,
) -> np.ndarray:
    """Samples from a random place of a file, at ``rate`` Hz, their first channel: (length,), fewer of a short file.

    Only the excerpt is read; where nothing sounds there, the one around the loudest sample is taken. A file
    in which one cannot go to any sample (mp3, Ogg, ADPCM, a FLAC of unknown length), or whose samples may be no
    numbers (float), is read whole. Damage in the rest of a FLAC is not seen.

    Args:
        path: of what soundfile reads; no command.
        start, end: the seconds between which the excerpt lies.
        strict: refuse those that :func:`refuse_outside` does.
    Raises:
        AudioError: what :func:`load` refuses of a file, several channels excepted.
    """
    with open_audio(path) as (file, promise):
        part = _Excerpts(file, promise)
        if strict:
            refuse_outside(start, end, part.frames / file.samplerate)
        first, last = round(start * file.samplerate), min(end * file.samplerate, part.frames)
        total = max(round(last) - first, 0)
        size = min(math.ceil(length * file.samplerate / rate), total)
        place = int(rng.integers(total - size + 1))
        samples = part.read(first + place, size)
        if _silent(samples):
            samples = _around_loudest(part.read(first, total), size)
        if not samples.any():
            raise AudioError(f"silent: all {total} samples are zero" if total else "no samples")
        return resample(samples, file.samplerate, rate)[:length]


def load_part(path: str, start: float = 0.0, end: float = math.inf) -> tuple[np.ndarray, int]:
    """The samples (N,) between two seconds of a file's first channel, and their rate in Hz; (0,) beyond its end.

    Only they are read where :func:`load_excerpt` reads an excerpt alone.

    Raises:
        AudioError: what :func:`load_excerpt` refuses of a file, but no silence.
    """
    with open_audio(path) as (file, promise):
        part = _Excerpts(file, promise)
        first, last = round(start * file.samplerate), min(end * file.samplerate, part.frames)
        return part.read(first, max(round(last) - first, 0)), file.samplerate


def refuse_outside(start: float, end: float, seconds: float) -> None:
    """Refuses a segment from ``start`` to ``end`` (infinite: to the end) that a recording of ``seconds`` lacks."""
    last = seconds if end == math.inf else end
    if not (0 <= start < min(last, seconds) and last <= seconds + MAX_OVERSHOOT):
        raise AudioError(f"a segment from {start} to {last} s does not lie in it, {seconds:.3f} s long")


def random_part(samples: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """``(size,)`` from a random place of ``samples``, or around the loudest where nothing sounds there."""
    part = samples[rng.integers(max(len(samples) - size, 0) + 1) :][:size]
    return _around_loudest(samples, size) if _silent(part) else part


class _Excerpts:
    """Parts of a file's first channel."""

    def __init__(self, file: AudioFile, promise: Promise) -> None:
        self._file, self._whole = file, None
        if not promise.counted or file.subtype not in _EXACT:
            self._whole = all_samples(file, promise)[:, 0]
            require_numbers(self._whole)
        elif promise.size is None and file.frames:
            self.read(file.frames - 1, 1)  # a FLAC whose end is missing
        self.frames = file.frames if self._whole is None else len(self._whole)

    def read(self, start: int, size: int) -> np.ndarray:
        if self._whole is not None:
            return self._whole[start:][:size]
        if size == 0:
            return np.zeros(0, np.float32)
        self._file.seek(start)
        samples = self._file.read(size, dtype="float32", always_2d=True)[:, 0]
        if len(samples) < size:
            raise AudioError(f"truncated: sample {start + len(samples)} of {self._file.frames} cannot be read")
        return samples


def _silent(samples: np.ndarray) -> bool:
    return bool(np.square(samples).sum() < _SILENT * len(samples))


def _around_loudest(samples: np.ndarray, size: int) -> np.ndarray:
    place = min(int(np.abs(samples).argmax()) - size // 2, len(samples) - size)
    return samples[max(place, 0) :][:size]
