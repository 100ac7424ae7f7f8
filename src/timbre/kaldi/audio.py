"""Waveforms of files and commands: float32 in [-1, 1), one channel.

Bad audio is refused by file and reason; what a step does with it is its policy (``timbre.kaldi.policy``). What the
container promises is read whole, or the file is refused (``timbre.kaldi.containers``).
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from timbre.errors import AudioError
from timbre.kaldi.open_audio import all_samples, open_audio, pipe_through


def load(rxfilename: str, allow_pipes: bool = False) -> tuple[np.ndarray, int]:
    """The samples ``(N,)`` float32 in [-1, 1) and their rate in Hz.

    Args:
        rxfilename: a path of what soundfile reads (wav, flac, ogg, mp3 …), or ``command args |``.
        allow_pipes: run commands. They come from a file: only for a wav.scp that one trusts.
    Raises:
        AudioError: no such file, empty, no audio or truncated, more than one channel, no samples, samples
            that are not finite, nothing but zeros.
    """
    with open_audio(rxfilename, allow_pipes) as (file, promise):
        if file.channels != 1:
            mend = pipe_through(rxfilename, "sox", "-t wav - remix - |")
            raise AudioError(
                f"{file.channels} channels, expected one; their mean is read with --allow-pipes true and, in "
                f"wav.scp, {mend}"
            )
        samples = all_samples(file, promise)[:, 0]
        require_sound(samples)
        return samples, file.samplerate


def load_channels(path: str, foreign: bool = True) -> tuple[np.ndarray, int]:
    """The samples ``(N, channels)`` of a file, whatever they are, and their rate in Hz.

    Args:
        foreign: where another program has to read the container, that is a ForeignError; else it is as in ``load``.
    Raises:
        ForeignError: another program has to read the container.
        AudioError: no such file, no audio, or truncated.
    """
    with open_audio(path, foreign=foreign) as (file, promise):
        return all_samples(file, promise), file.samplerate


def decode(data: bytes, name: str, longest: float | None = None, foreign: bool = False) -> tuple[np.ndarray, int]:
    """:func:`load_channels` of the bytes of a file; ``name`` is for messages.

    Args:
        longest: in seconds; what is longer is refused before all of it takes memory.
        foreign: a ForeignError passes, as it does there.
    """
    with open_audio(name, data=data, foreign=foreign) as (file, promise):
        return all_samples(file, promise, longest), file.samplerate


def require_sound(samples: np.ndarray) -> None:
    """Refuses ``(N,)`` that are none, not finite, or all zero."""
    if len(samples) == 0:
        raise AudioError("no samples")
    require_numbers(samples)
    if not samples.any():
        raise AudioError(f"all {len(samples)} samples are zero")


def require_numbers(samples: np.ndarray) -> None:
    if not np.isfinite(samples).all():
        first = int(np.flatnonzero(~np.isfinite(samples))[0])
        raise AudioError(f"sample {first} is not a finite number")


def resample(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """``samples`` at ``wanted`` Hz (band-limited; ``scipy.signal.resample_poly`` by the reduced fraction)."""
    if rate == wanted:
        return samples
    common = math.gcd(rate, wanted)
    return scipy.signal.resample_poly(samples, wanted // common, rate // common).astype(np.float32)
