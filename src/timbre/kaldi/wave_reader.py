"""Waveforms of a data directory's utterances, behind ``wav.scp`` and ``segments``, at the rate asked for."""

from __future__ import annotations

import math

import numpy as np

from timbre.errors import AudioError, named
from timbre.kaldi.audio import load, resample
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.excerpts import load_excerpt, random_part, refuse_outside
from timbre.kaldi.rxfile import is_command


class WaveReader:
    """Waveforms of the utterances of a data directory.

    ``segments`` cut utterances out of recordings; ``utt2speed`` plays them faster by a factor, pitch and all,
    as ``sox speed`` does (``timbre add-speed-copies`` writes it).
    """

    def __init__(
        self, data: DataDir, sample_rate: int, allow_resample: bool = False, allow_pipes: bool = False
    ) -> None:
        """Args:
        sample_rate: in Hz; audio at another rate is refused unless ``allow_resample``.
        allow_pipes: run the commands of wav.scp.
        """
        self._data, self._recordings = data, data.table("wav.scp")
        self._segments = data.table("segments") if data.has("segments") else None
        self._speeds = data.numbers("utt2speed") if data.has("utt2speed") else {}
        self._rate, self._allow_resample, self._allow_pipes = sample_rate, allow_resample, allow_pipes
        self._last: tuple[str, np.ndarray] | None = None
        self.source = data.path / ("wav.scp" if self._segments is None else "segments")
        self.utterances = list(self._segments or self._recordings)

    def read(self, utterance: str) -> np.ndarray:
        """The samples ``(N,)`` of an utterance; an :class:`AudioError` begins with its id."""
        with named(utterance, ValueError):  # a decoder's numbers may not be such
            samples, speed = self._cut(utterance), self._speed(utterance)
            # Played s times as fast is: taken at s times its rate. Thousandths keep the resampler's kernel small.
            return resample(samples, round(1000 * speed), 1000)

    def excerpt(self, utterance: str, length: int, rng: np.random.Generator) -> np.ndarray:
        """A random part of an utterance, (length,) or all there is; of a file, nothing but the part is read."""
        with named(utterance, ValueError):  # a decoder's numbers may not be such
            recording, start, end = self._place(utterance)
            speed = self._speed(utterance)
            size = math.ceil(length * speed)  # before it is played s times as fast
            path = self._recordings.get(recording, "|")
            if is_command(path):
                samples = random_part(self._cut(utterance), size, rng)
            else:
                samples = load_excerpt(path, self._rate, size, rng, start, end, self._segments is not None)
            return resample(samples, round(1000 * speed), 1000)[:length]

    def _speed(self, utterance: str) -> float:
        return self._speeds.get(utterance, 1.0)

    def _place(self, utterance: str) -> tuple[str, float, float]:
        """An utterance's recording, and its start and end there in seconds."""
        if self._segments is None:
            return utterance, 0.0, math.inf
        if utterance not in self._segments:
            raise AudioError("no such utterance in segments")
        return self._data.segment(utterance)

    def _cut(self, utterance: str) -> np.ndarray:
        recording, start, end = self._place(utterance)
        samples = self._recording(recording)
        if self._segments is None:
            return samples
        with named(recording):
            refuse_outside(start, end, len(samples) / self._rate)
        return samples[round(start * self._rate) : None if end == math.inf else round(end * self._rate)]

    def _recording(self, recording: str) -> np.ndarray:
        if self._last is None or self._last[0] != recording:
            if recording not in self._recordings:
                raise AudioError(f"no recording '{recording}' in wav.scp")
            samples, rate = load(self._recordings[recording], self._allow_pipes)
            if rate != self._rate and not self._allow_resample:
                raise AudioError(
                    f"{self._recordings[recording]}: {rate} Hz, expected {self._rate}; set "
                    "features.sample_rate, or features.resample to true"
                )
            self._last = (recording, resample(samples, rate, self._rate))
        return self._last[1]
