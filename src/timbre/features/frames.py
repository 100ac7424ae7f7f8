"""What every extractor shares: the cutting of a waveform into frames, and Kaldi's scale of samples."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from timbre.conf import Section
from timbre.errors import AudioError, TimbreError

INT16 = 32768.0
"""Kaldi computes on samples in the 16-bit range; waveforms here are in [-1, 1)."""


class StorageConf(Section):
    """How frames of any origin are kept."""

    storage: Literal["float32", "half", "kaldi"] = Field(
        "float32", description="ark: float32, 16 bit (CM2, half the size) or Kaldi's 8 bit (CM, a quarter)"
    )


class FrameConf(StorageConf):
    """Framing of waveforms, with Kaldi's names and defaults (feature-window.h), no dither unless asked for."""

    sample_rate: int = Field(
        16000, ge=100, le=768_000, description="Hz; audio at another rate is refused unless `resample`"
    )
    resample: bool = Field(False, description="resample audio at another rate instead of refusing it")
    frame_length: float = Field(25.0, gt=0, le=10_000, description="ms")
    frame_shift: float = Field(10.0, gt=0, le=10_000, description="ms, no more than frame_length")

    @model_validator(mode="after")
    def _frames_of_samples(self) -> FrameConf:
        length, shift = (self.sample_rate * ms / 1000 for ms in (self.frame_length, self.frame_shift))
        if length < 2:
            raise ValueError(f"frame_length {self.frame_length:g} ms is {length:.3g} samples; take 2 or more")
        if not 1 <= shift <= length:
            raise ValueError(
                f"frame_shift {self.frame_shift:g} ms is {shift:.3g} samples; take 1 to {round(length)}, those of "
                "a frame, so that none lies between frames"
            )
        return self


class BandConf(FrameConf):
    """Mel filters."""

    num_mel_bins: int = Field(23, ge=1, le=2000)
    low_freq: float = Field(20.0, ge=0, description="Hz")
    high_freq: float = Field(0.0, description="Hz; 0 or less: that far below the Nyquist frequency")

    @property
    def upper_freq(self) -> float:
        """Hz, where the filters end."""
        return self.high_freq if self.high_freq > 0 else self.sample_rate // 2 + self.high_freq

    @model_validator(mode="after")
    def _some_frequencies(self) -> BandConf:
        if not self.low_freq < self.upper_freq <= self.sample_rate / 2:
            raise ValueError(
                f"filters from low_freq {self.low_freq:g} to high_freq {self.upper_freq:g} Hz do not lie between 0 "
                f"and {self.sample_rate / 2:g}, half the sample_rate"
            )
        points = 2 ** math.ceil(math.log2(self.sample_rate * self.frame_length / 1000))
        held = int((self.upper_freq - self.low_freq) * points / self.sample_rate)
        if held < self.num_mel_bins:
            raise ValueError(
                f"num_mel_bins {self.num_mel_bins}: from low_freq {self.low_freq:g} to high_freq "
                f"{self.upper_freq:g} Hz a spectrum of frames of {self.frame_length:g} ms has {held} values; "
                "take fewer filters"
            )
        return self


class KaldiConf(BandConf):
    """What Kaldi's mfcc and fbank share (feature-window.h, mel-computations.h)."""

    dither: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="noise added to samples of 16-bit range (Kaldi: 1.0): for an utterance always the same; new "
        "for each crop with train.features online",
    )
    preemphasis_coefficient: float = Field(0.97, ge=0, le=1)
    remove_dc_offset: bool = True
    window_type: Literal["hamming", "hanning", "povey", "rectangular", "blackman"] = "povey"
    snip_edges: bool = Field(
        True, description="only whole frames; else (N + shift/2) // shift frames, reflected ends"
    )
    num_mel_bins: int = Field(23, ge=4, le=2000)

    def options(self) -> dict[str, object]:
        """The arguments of torchaudio.compliance.kaldi, whose own defaults differ from Kaldi's."""
        own = self.model_dump(exclude={"kind", "sample_rate", "resample", "storage"})
        return own | {"sample_frequency": float(self.sample_rate), "energy_floor": 0.0, "raw_energy": True}


def dithering(conf: Section, seed: int) -> AbstractContextManager[None]:
    """Frames that the block computes with ``conf`` are dithered by a function of ``seed``.

    Torch's own generator, from which torchaudio draws, is afterwards as it was. Nothing is done without dither.
    """
    return _drawing_by(seed) if getattr(conf, "dither", 0) else nullcontext()


@contextmanager
def _drawing_by(seed: int) -> Iterator[None]:
    state = torch.get_rng_state()  # of the CPU; torch.manual_seed would change the GPUs' generators too
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(state)


def utterance_seed(utterance: str) -> int:
    """The seed of an utterance's dither: a function of its id alone, so that no division into jobs changes it."""
    return int.from_bytes(hashlib.sha256(f"dither {utterance}".encode()).digest()[:8], "big") >> 1


def gives_vectors(features: Section) -> bool:
    """Whether they are one row of an utterance, (1, F), which has nothing to normalise by or to crop."""
    return getattr(features, "vectors", False)


def require_waveforms(features: Section, what: str) -> FrameConf:
    """``features`` that are computed from waveforms; refused where they are none.

    Args:
        what: what needs waveforms, up to the word before "frames that came with their corpus".
    """
    if isinstance(features, FrameConf):
        return features
    raise no_waveforms(features, what)


def no_waveforms(features: Section, what: str) -> TimbreError:
    """The refusal of :func:`require_waveforms`."""
    return TimbreError(
        f"{what} frames that came with their corpus (features.kind {features.kind}); how they were made of audio "
        "is not known"
    )


def frame_samples(conf: FrameConf) -> int:
    """Samples of one frame."""
    return int(conf.sample_rate * conf.frame_length * 0.001)


def require_one_frame(samples: torch.Tensor, conf: FrameConf) -> None:
    """Refuses a waveform ``(N,)`` shorter than one frame."""
    if len(samples) < frame_samples(conf):
        raise AudioError(
            f"{len(samples)} samples, shorter than one frame of {frame_samples(conf)} ({conf.frame_length:g} ms)"
        )


def digest(values: np.ndarray) -> str:
    """16 hexadecimal digits that tell samples or frames from others: of the SHA-256 of their float32 bytes."""
    return hashlib.sha256(np.ascontiguousarray(values, dtype="<f4")).hexdigest()[:16]
