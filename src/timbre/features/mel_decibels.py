"""Mel energies in decibels, none more than 80 below the loudest of the utterance, as SpeechBrain has them.

    X = STFT of frames centred at multiples of the shift, zeros beyond the ends, Hamming window (periodic)
    d = 10 log10(max(Σ_k w_mk |X_k|², 1e-10))        d' = max(d, max over frames and filters of d − range)

Filters are triangles in Hz: filter m rises and falls over the width below its centre, so that its right foot is not
the next filter's centre. The scale is mel = 2595 log10(1 + f / 700).
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field

from timbre.features.frames import BandConf, frame_samples, require_one_frame

LEAST = 1e-10
"""Of an energy."""


class Conf(BandConf):
    """SpeechBrain's, by default."""

    kind: Literal["mel_decibels"] = "mel_decibels"
    num_mel_bins: int = Field(80, ge=1, le=2000)
    low_freq: float = Field(0.0, ge=0, description="Hz")
    range: float = Field(80.0, gt=0, le=1000, description="dB below the utterance's loudest value that are kept")


class Extractor:
    """``(N,)`` samples in [-1, 1) → ``(T, F)`` float32, T = 1 + N // shift."""

    def __init__(self, conf: Conf) -> None:
        self.conf = conf
        self.dim = conf.num_mel_bins
        self._length = frame_samples(conf)
        self._shift = round(conf.sample_rate * conf.frame_shift * 0.001)
        self._window = torch.hamming_window(self._length)
        self._filters = filters(conf, self._length // 2 + 1)

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        require_one_frame(samples, self.conf)
        spectrum = torch.stft(
            samples,
            self._length,
            self._shift,
            window=self._window,
            pad_mode="constant",
            return_complex=True,
        )
        energies = torch.view_as_real(spectrum).square().sum(dim=-1).T @ self._filters
        decibels = 10 * energies.clamp(min=LEAST).log10()
        return decibels.clamp(min=decibels.max() - self.conf.range).contiguous()


def filters(conf: Conf, points: int) -> torch.Tensor:
    """``(points, F)`` weights of a spectrum's values."""
    ends = [2595 * math.log10(1 + hertz / 700) for hertz in (conf.low_freq, conf.upper_freq)]
    hertz = 700 * (10 ** (torch.linspace(*ends, conf.num_mel_bins + 2) / 2595) - 1)
    centre, width = hertz[1:-1], hertz[1:-1] - hertz[:-2]
    slope = (torch.linspace(0, conf.sample_rate // 2, points)[:, None] - centre) / width
    return (1 - slope.abs()).clamp(min=0)
