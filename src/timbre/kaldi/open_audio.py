"""Audio files, and what commands write, opened by libsndfile after a look at what their headers promise."""

from __future__ import annotations

import errno
import io
import math
import os
import shlex
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import soundfile

from timbre.errors import MACHINE, AudioError, some
from timbre.kaldi.containers import Promise, Source, promised
from timbre.kaldi.foreign import ForeignError
from timbre.kaldi.rxfile import is_command

RATES = (1_000, 768_000)
"""In Hz, the least and the largest that are taken for a rate of audio."""
DENSEST = 384_000
"""Samples a second, of all channels together, where audio is bounded: 192 kHz of two channels."""
WIDTHS = {"PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
WIDTHS |= {"ULAW": 1, "ALAW": 1}
"""Bytes of a sample, of codings that have as many for each."""
_HEAD = 4096  # bytes that are read to know the container
_BLOCK = 1 << 20  # samples
_AT_ONCE = 1 << 25  # samples that are allocated because a header says so
_KINDS = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a fifo", stat.S_IFSOCK: "a socket"}
_KINDS |= {stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


class AudioFile(soundfile.SoundFile):
    """Read from its beginning to its end, as codecs allow that cannot seek (GSM, FLAC of unknown length)."""

    def seekable(self) -> bool:
        return False


@contextmanager
def open_audio(
    rxfilename: str, allow_pipes: bool = False, data: bytes | None = None, foreign: bool = False
) -> Iterator[tuple[AudioFile, Promise]]:
    """The audio of a file or command, opened, and what its header promises; errors begin with its name.

    Args:
        data: the bytes, where they are there already.
        foreign: the name is that of a file, and a :class:`ForeignError` passes; else it says how to read it there.
    """
    descriptor, name = -1, rxfilename
    try:
        if data is None and not foreign and is_command(rxfilename):
            name = f"'{rxfilename}'"
            if not (data := _output(rxfilename, allow_pipes)):
                raise AudioError("the command has written nothing")
        if data is not None:
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
        with AudioFile(audio, closefd=False) as file:
            if not RATES[0] <= file.samplerate <= RATES[1]:
                raise AudioError(f"{file.samplerate} Hz is no rate of audio; correct its header")
            yield file, promise
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{name}: not readable as audio: {error.error_string}") from None
    except AudioError as error:
        if isinstance(error, ForeignError):
            if foreign:
                raise
            mend = pipe_through(rxfilename, "ffmpeg -nostdin -loglevel error -i", "-f wav - |")
            error = f"{error}; it is with --allow-pipes true and, in wav.scp, {mend}"
        raise AudioError(f"{name}: {error}") from None
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def all_samples(file: AudioFile, promise: Promise, longest: float | None = None) -> np.ndarray:
    """All samples ``(N, channels)``, as many as were promised; more than ``longest`` seconds are refused early."""
    most = math.inf if longest is None else _most_samples(file, longest)
    if promise.counted and file.frames > most:
        raise AudioError(f"{file.frames / file.samplerate:.1f} s, and {longest:g} s are the longest that is taken")
    if promise.counted and file.frames <= _AT_ONCE:
        samples = file.read(file.frames, dtype="float32", always_2d=True)
    else:
        blocks = []
        while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
            blocks.append(block)
            if sum(map(len, blocks)) > most:
                raise AudioError(f"longer than {longest:g} s, the longest that is taken")
        samples = np.concatenate(blocks) if blocks else np.zeros((0, file.channels), np.float32)
    width = WIDTHS.get(file.subtype)
    wanted = file.frames if promise.counted else 0
    if promise.size is not None and width:
        wanted = promise.size // (width * file.channels)
    if len(samples) < wanted:
        raise AudioError(f"truncated: {len(samples)} of {wanted} samples can be read")
    return samples if width or not promise.samples else samples[: promise.samples]


def _most_samples(file: AudioFile, longest: float) -> float:
    """Samples of a channel in so many seconds; a few bytes of FLAC can stand for gigabytes of many channels."""
    if file.channels * file.samplerate > DENSEST:
        raise AudioError(
            f"{file.channels} channels at {file.samplerate} Hz; at most {DENSEST:,} samples a second are taken here"
        )
    return longest * file.samplerate


def pipe_through(rxfilename: str, program: str, options: str) -> str:
    """A command of wav.scp in which ``program`` reads a file, or what a command writes."""
    if is_command(rxfilename):
        return f"{rxfilename.rstrip()} {program} {'-t wav ' if program == 'sox' else ''}- {options}"
    return f"{program} {shlex.quote(os.path.abspath(rxfilename))} {options}"


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
        if error.errno in MACHINE:
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
