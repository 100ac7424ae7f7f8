"""Waveforms of files and commands: float32 in [-1, 1), one channel.

Bad audio is refused by file and reason; what a step does with it is its policy (``timbre.kaldi.policy``). What the
container promises is read whole, or the file is refused (``timbre.kaldi.containers``).
"""

from __future__ import annotations

import errno
import io
import math
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import scipy
import soundfile

from timbre.errors import some
from timbre.kaldi.containers import AudioError, Promise, Source, promised

RATES = (1_000, 768_000)
"""In Hz, the least and the largest that are taken for a rate of audio."""
MAX_OVERSHOOT = 0.5
"""In s: a segment may end so far past its recording, and is cut there, as by Kaldi's extract-segments."""
_HEAD = 4096  # bytes that are read to know the container
_BLOCK = 1 << 20  # samples
_AT_ONCE = 1 << 25  # samples that are allocated because a header says so
_SILENT = 1e-8  # the mean power of full scale (-80 dB) below which an excerpt is no sound
_WIDTHS = {"PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
_WIDTHS |= {"ULAW": 1, "ALAW": 1}
_EXACT = _WIDTHS.keys() - {"FLOAT", "DOUBLE"}  # one can go to any sample, and all are numbers
_KINDS = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a fifo", stat.S_IFSOCK: "a socket"}
_KINDS |= {stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
_MACHINE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # no fault of the file


def load(rxfilename: str, allow_pipes: bool = False) -> tuple[np.ndarray, int]:
    """The samples ``(N,)`` float32 in [-1, 1) and their rate in Hz.

    Args:
        rxfilename: a path of what soundfile reads (wav, flac, ogg, mp3 …), or ``command args |``.
        allow_pipes: run commands. They come from a file: only for a wav.scp that one trusts.
    Raises:
        AudioError: no such file, empty, no audio or truncated, more than one channel, no samples, samples
            that are not finite, nothing but zeros.
    """
    with _opened(rxfilename, allow_pipes) as (file, promise):
        if file.channels != 1:
            raise AudioError(f"{file.channels} channels, expected one; split or mix them first")
        samples, rate = _all(file, promise)[:, 0], file.samplerate
        if len(samples) == 0:
            raise AudioError("no samples")
        _require_numbers(samples)
        if not samples.any():
            raise AudioError(f"all {len(samples)} samples are zero")
        return samples, rate


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
        strict: refuse those that :func:`segment` does.
    Raises:
        AudioError: what :func:`load` refuses of a file, several channels excepted.
    """
    with _opened(path) as (file, promise):
        part = _Excerpts(file, promise)
        if strict:
            segment(start, end, part.frames / file.samplerate)
        first, last = round(start * file.samplerate), min(end * file.samplerate, part.frames)
        total = max(round(last) - first, 0)
        size = min(math.ceil(length * file.samplerate / rate), total)
        place = int(rng.integers(total - size + 1))
        samples = part.read(first + place, size)
        if _silent(samples):
            samples = around_loudest(part.read(first, total), size)
        if not samples.any():
            raise AudioError(f"silent: all {total} samples are zero" if total else "no samples")
        return resample(samples, file.samplerate, rate)[:length]


def resample(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """``samples`` at ``wanted`` Hz (band-limited; ``scipy.signal.resample_poly`` by the reduced fraction)."""
    if rate == wanted:
        return samples
    common = math.gcd(rate, wanted)
    return scipy.signal.resample_poly(samples, wanted // common, rate // common).astype(np.float32)


def segment(start: float, end: float, seconds: float) -> None:
    """Refuses a segment from ``start`` to ``end`` (infinite: to the end) that a recording of ``seconds`` lacks."""
    last = seconds if end == math.inf else end
    if not (0 <= start < min(last, seconds) and last <= seconds + MAX_OVERSHOOT):
        raise AudioError(f"a segment from {start} to {last} s does not lie in it, {seconds:.3f} s long")


def random_part(samples: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """``(size,)`` from a random place of ``samples``, or around the loudest where nothing sounds there."""
    part = samples[rng.integers(max(len(samples) - size, 0) + 1) :][:size]
    return around_loudest(samples, size) if _silent(part) else part


def around_loudest(samples: np.ndarray, size: int) -> np.ndarray:
    place = min(int(np.abs(samples).argmax()) - size // 2, len(samples) - size)
    return samples[max(place, 0) :][:size]


def _require_numbers(samples: np.ndarray) -> None:
    if not np.isfinite(samples).all():
        first = int(np.flatnonzero(~np.isfinite(samples))[0])
        raise AudioError(f"sample {first} is not a finite number")


def _silent(samples: np.ndarray) -> bool:
    return bool(np.square(samples).sum() < _SILENT * len(samples))


class _Forward(soundfile.SoundFile):
    """Read from its beginning to its end, as codecs allow that cannot seek (GSM, FLAC of unknown length)."""

    def seekable(self) -> bool:
        return False


class _Excerpts:
    """Parts of a file's first channel."""

    def __init__(self, file: _Forward, promise: Promise) -> None:
        self._file, self._whole = file, None
        if not promise.counted or file.subtype not in _EXACT:
            self._whole = _all(file, promise)[:, 0]
            _require_numbers(self._whole)
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


def _all(file: _Forward, promise: Promise) -> np.ndarray:
    """All samples ``(N, channels)``, as many as were promised."""
    if promise.counted and file.frames <= _AT_ONCE:
        samples = file.read(file.frames, dtype="float32", always_2d=True)
    else:
        blocks = []
        while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
            blocks.append(block)
        samples = np.concatenate(blocks) if blocks else np.zeros((0, file.channels), np.float32)
    width = _WIDTHS.get(file.subtype)
    wanted = file.frames if promise.counted else 0
    if promise.size is not None and width:
        wanted = promise.size // (width * file.channels)
    if len(samples) < wanted:
        raise AudioError(f"truncated: {len(samples)} of {wanted} samples can be read")
    return samples if width or not promise.samples else samples[: promise.samples]


@contextmanager
def _opened(rxfilename: str, allow_pipes: bool = False) -> Iterator[tuple[_Forward, Promise]]:
    """The audio of a file or command, opened, and what its header promises; errors begin with its name."""
    descriptor, name = -1, rxfilename
    try:
        if rxfilename.rstrip().endswith("|"):
            name = f"'{rxfilename}'"
            if not (data := _output(rxfilename, allow_pipes)):
                raise AudioError("the command has written nothing")
            source = Source(len(data), data[:_HEAD], lambda place, count: data[place : place + count])
        else:
            descriptor, size = _open(rxfilename)
            source = Source(
                size, os.pread(descriptor, _HEAD, 0), lambda place, count: os.pread(descriptor, count, place)
            )
        promise = promised(source)
        audio: int | io.BytesIO = descriptor
        if descriptor < 0 or promise.mend:
            mended = bytearray(source.at(0, source.size))
            if promise.mend:
                place, said = promise.mend
                mended[place : place + len(said)] = said
            audio = io.BytesIO(mended)
        with _Forward(audio, closefd=False) as file:
            if not RATES[0] <= file.samplerate <= RATES[1]:
                raise AudioError(f"{file.samplerate} Hz is no rate of audio; correct its header")
            yield file, promise
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{name}: not readable as audio: {error.error_string}") from None
    except AudioError as error:
        raise AudioError(f"{name}: {error}") from None
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _output(rxfilename: str, allow_pipes: bool) -> bytes:
    """What a command writes."""
    if not allow_pipes:
        raise AudioError("this is a command; it runs only with --allow-pipes true")
    command = rxfilename.rstrip()[:-1]
    result = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False)
    if result.returncode:
        why = some(result.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]) or "no message"
        raise AudioError(f"failed with code {result.returncode}: {why}")
    return result.stdout


def _open(path: str) -> tuple[int, int]:
    """The descriptor of a file that is not empty, and its size in bytes."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # opening a fifo waits otherwise
    except OSError as error:
        if error.errno in _MACHINE:
            raise
        raise AudioError(_why(path, error)) from None
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size:
        return descriptor, status.st_size
    os.close(descriptor)
    raise AudioError(_kind(status.st_mode) or "the file is empty")


def _kind(mode: int) -> str:
    if kind := _KINDS.get(stat.S_IFMT(mode), ""):
        return f"is {kind}, not a file; name the file that holds the audio"
    return ""


def _why(path: str, error: OSError) -> str:
    """Why a path cannot be opened."""
    if error.errno == errno.ENOENT:
        target = os.path.islink(path) and os.readlink(path)
        return f"a link to {target}, where there is no file" if target else "no such file"
    try:
        kind = _kind(os.stat(path).st_mode)  # a socket cannot be opened
    except OSError:
        kind = ""
    return kind or f"cannot be read: {error.strerror}"
