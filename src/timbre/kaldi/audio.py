"""Waveforms behind ``wav.scp`` and ``segments``: float32 in [-1, 1), one channel, at the rate asked for.

Bad audio is refused by utterance, file and reason; what a step does with it is its policy
(``timbre.kaldi.policy``).
"""

from __future__ import annotations

import io
import math
import struct
import subprocess
from pathlib import Path

import numpy as np
import scipy
import soundfile

from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir

# Kaldi's extract-segments: a segment may end this far past its recording, and is cut there.
MAX_OVERSHOOT = 0.5
_SILENT = 1e-8  # the mean power of full scale (-80 dB) below which an excerpt is no sound


class AudioError(TimbreError):
    """Audio that cannot be used; the message says which and why."""


def load(rxfilename: str, allow_pipes: bool = False) -> tuple[np.ndarray, int]:
    """The samples ``(N,)`` float32 in [-1, 1) and their rate in Hz.

    Args:
        rxfilename: a path of what soundfile reads (wav, flac, ogg, mp3 …), or ``command args |``.
        allow_pipes: run commands. They come from a file: only for a wav.scp that one trusts.
    Raises:
        AudioError: no such file, empty, no audio or truncated, more than one channel, no samples, samples
            that are not finite, nothing but zeros.
    """
    name, source = rxfilename, rxfilename
    if rxfilename.rstrip().endswith("|"):
        if not allow_pipes:
            raise AudioError(f"'{rxfilename}' is a command; it runs only with --allow-pipes true")
        command = rxfilename.rstrip()[:-1]
        result = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False)
        if result.returncode:
            why = some(result.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]) or "no message"
            raise AudioError(f"'{rxfilename}' failed with code {result.returncode}: {why}")
        source = io.BytesIO(result.stdout)
    else:
        _refuse_bad_file(Path(rxfilename))
    try:
        with soundfile.SoundFile(source) as file:
            expected, rate = file.frames, file.samplerate
            samples = file.read(dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{name}: not readable as audio: {error}") from None
    if samples.shape[1] != 1:
        raise AudioError(f"{name}: {samples.shape[1]} channels, expected one; split or mix them first")
    samples = samples[:, 0]
    if len(samples) == 0:
        raise AudioError(f"{name}: no samples")
    if isinstance(source, str) and len(samples) < expected:
        raise AudioError(f"{name}: truncated: {len(samples)} of {expected} samples can be read")
    if not np.isfinite(samples).all():
        first = int(np.flatnonzero(~np.isfinite(samples))[0])
        raise AudioError(f"{name}: sample {first} is not a finite number")
    if not samples.any():
        raise AudioError(f"{name}: all {len(samples)} samples are zero")
    return samples, rate


def load_excerpt(
    path: str, rate: int, length: int, rng: np.random.Generator, start: float = 0.0, end: float = math.inf
) -> np.ndarray:
    """Samples from a random place of a file, at ``rate`` Hz, their first channel: (length,), fewer of a short file.

    Only the excerpt is read; where nothing sounds there, the one around the loudest sample is taken.

    Args:
        path: of what soundfile reads; no command.
        start, end: the seconds between which the excerpt lies.
    Raises:
        AudioError: what :func:`load` refuses of a file, several channels excepted.
    """
    _refuse_bad_file(Path(path))
    try:
        with soundfile.SoundFile(path) as file:
            first, last = round(start * file.samplerate), min(end * file.samplerate, file.frames)
            total = max(round(last) - first, 0)
            size = min(math.ceil(length * file.samplerate / rate), total)
            place = int(rng.integers(total - size + 1))
            samples = _first_channel(file, first + place, size)
            if _silent(samples):
                samples = _around_loudest(_first_channel(file, first, total), size)
            found = file.samplerate
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path}: not readable as audio: {error}") from None
    if not np.isfinite(samples).all():
        raise AudioError(f"{path}: holds samples that are not finite numbers")
    if not samples.any():
        raise AudioError(f"{path}: silent: all {total} samples are zero" if total else f"{path}: no samples")
    return resample(samples, found, rate)[:length]


def resample(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """``samples`` at ``wanted`` Hz (band-limited; ``scipy.signal.resample_poly`` by the reduced fraction)."""
    if rate == wanted:
        return samples
    common = math.gcd(rate, wanted)
    return scipy.signal.resample_poly(samples, wanted // common, rate // common).astype(np.float32)


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
        self._recordings = data.table("wav.scp")
        self._segments = data.table("segments") if data.has("segments") else None
        self._speeds = data.table("utt2speed") if data.has("utt2speed") else {}
        self._rate, self._allow_resample, self._allow_pipes = sample_rate, allow_resample, allow_pipes
        self._last: tuple[str, np.ndarray] | None = None
        self.utterances = list(self._segments or self._recordings)

    def read(self, utterance: str) -> np.ndarray:
        """The samples ``(N,)`` of an utterance; an :class:`AudioError` begins with its id."""
        try:
            samples = self._cut(utterance)
            speed = float(self._speeds.get(utterance, 1))
            # Played s times as fast is: taken at s times its rate. Thousandths keep the resampler's kernel small.
            return resample(samples, round(1000 * speed), 1000)
        except AudioError as error:
            raise AudioError(f"{utterance}: {error}") from None

    def excerpt(self, utterance: str, length: int, rng: np.random.Generator) -> np.ndarray:
        """A random part of an utterance, (length,) or all there is; of a file, nothing but the part is read."""
        try:
            recording, start, end = self._place(utterance)
            speed = float(self._speeds.get(utterance, 1))
            size = math.ceil(length * speed)  # before it is played s times as fast
            path = self._recordings.get(recording, "|")
            if path.rstrip().endswith("|"):
                whole = self._cut(utterance)
                samples = whole[rng.integers(max(len(whole) - size, 0) + 1) :][:size]
                samples = _around_loudest(whole, size) if _silent(samples) else samples
            else:
                samples = load_excerpt(path, self._rate, size, rng, start, end)
            return resample(samples, round(1000 * speed), 1000)[:length]
        except AudioError as error:
            raise AudioError(f"{utterance}: {error}") from None

    def _place(self, utterance: str) -> tuple[str, float, float]:
        """An utterance's recording, and its start and end there in seconds."""
        if self._segments is None:
            return utterance, 0.0, math.inf
        if utterance not in self._segments:
            raise AudioError("no such utterance in segments")
        fields = self._segments[utterance].split()
        if len(fields) != 3:
            raise AudioError(f"segments: expected recording, start and end, found '{self._segments[utterance]}'")
        recording, start, end = fields[0], float(fields[1]), float(fields[2])
        return recording, start, math.inf if end == -1 else end

    def _cut(self, utterance: str) -> np.ndarray:
        recording, start, end = self._place(utterance)
        samples = self._recording(recording)
        if self._segments is None:
            return samples
        length = len(samples) / self._rate
        if end == math.inf:
            end = length
        if start < 0 or end <= start or start >= length or end > length + MAX_OVERSHOOT:
            raise AudioError(f"segment {start} to {end} s does not lie in {recording}, {length:.3f} s long")
        return samples[round(start * self._rate) : round(end * self._rate)]

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


def _first_channel(file: soundfile.SoundFile, start: int, size: int) -> np.ndarray:
    file.seek(start)
    return file.read(size, dtype="float32", always_2d=True)[:, 0]


def _silent(samples: np.ndarray) -> bool:
    return bool(np.square(samples).sum() < _SILENT * len(samples))


def _around_loudest(samples: np.ndarray, size: int) -> np.ndarray:
    place = min(int(np.abs(samples).argmax()) - size // 2, len(samples) - size)
    return samples[max(place, 0) :][:size]


def _refuse_bad_file(path: Path) -> None:
    if not path.is_file():
        raise AudioError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: the file is empty")
    _refuse_truncated_wav(path)


def _refuse_truncated_wav(path: Path) -> None:
    """Compares the size that a wav header promises with the file's: libsndfile reads what is there, silently."""
    with open(path, "rb") as file:
        if file.read(4) != b"RIFF":
            return
        file.seek(12)
        while len(header := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", header)
            if name == b"data":
                there = path.stat().st_size - file.tell()
                if there < size < 0xFFFFFF00:  # streamed files (ffmpeg, sox to a pipe) promise the largest size
                    raise AudioError(f"{path}: truncated: {there} of {size} bytes of samples are there")
                return
            file.seek(size + size % 2, 1)
