"""Log mel energies of a levelled and pre-emphasised waveform, as ReDimNet2's authors have them.

    x' = (x − mean) / (deviation + ε)        y(n) = x'(n) − 0.97 x'(n − 1),   x'(−1) = x'(1)
    P = |DFT of 512 points|², points 0 to 255, of frames of y that begin at −shift/2, zeros beyond the ends
    e = ln(clip(Σ_k w_mk clip(P_k)) + ε)     clip: to between ε and 1/ε, with ε = 1e-8

The window is Hamming's, symmetric. Filters are triangles over mel = 2595 log10(1 + f / 700). Their 256 points are
taken to lie at 0 to half the sample rate, both included, though the last is one step short of it; the first has no
weight.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from timbre.features.frames import BandConf, frame_samples, require_one_frame

EPS, EMPHASIS = 1e-8, 0.97
LONGEST = 4096
"""Samples of a frame."""


class Conf(BandConf):
    """ReDimNet2's, by default."""

    kind: Literal["emphasised_mel"] = "emphasised_mel"
    num_mel_bins: int = Field(72, ge=1, le=2000)
    high_freq: float = Field(7600.0, description="Hz; 0 or less: that far below the Nyquist frequency")
    level: bool = Field(True, description="give the waveform mean 0 and deviation 1")
    emphasise: bool = Field(True, description="pre-emphasise the waveform")

    @model_validator(mode="after")
    def _transformed_by_a_product(self) -> Conf:
        if (samples := frame_samples(self)) > LONGEST:
            raise ValueError(
                f"frame_length {self.frame_length:g} ms is {samples} samples; take {LONGEST} at most, as the "
                "transform is a product with all of its waves"
            )
        return self


class Extractor:
    """``(N,)`` samples in [-1, 1) → ``(T, F)`` float32, T = 1 + (N + shift − length) // shift."""

    def __init__(self, conf: Conf) -> None:
        self.conf = conf
        self.dim = conf.num_mel_bins
        self._length = frame_samples(conf)
        self._shift = int(conf.sample_rate * conf.frame_shift * 0.001)
        points = 2 ** (self._length - 1).bit_length()
        self._bases = bases(self._length, points)
        self._filters = filters(conf, points // 2)

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        require_one_frame(samples, self.conf)
        if self.conf.level:
            samples = (samples - samples.mean()) / (samples.std(correction=0) + EPS)
        if self.conf.emphasise:
            samples = samples - EMPHASIS * torch.cat([samples[1:2], samples[:-1]])
        around = torch.nn.functional.pad(samples, (self._shift // 2,) * 2)
        real, imaginary = around.unfold(0, self._length, self._shift) @ self._bases
        energies = (real.square() + imaginary.square()).clamp(EPS, 1 / EPS) @ self._filters
        return (energies.clamp(EPS, 1 / EPS) + EPS).log()


def bases(length: int, points: int) -> torch.Tensor:
    """The windowed cosines and sines of a DFT, ``(2, length, points / 2)``.

    Rounded to float32 before they are used, as the authors' are: where a spectrum's weak points lie 60 dB below its
    strong ones, that rounding is what the weak points show.
    """
    angles = 2 * np.pi * np.arange(length)[:, None] * np.arange(points // 2) / points
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(length) / (length - 1))
    waves = np.stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    return torch.from_numpy(waves * window.astype(np.float32)[:, None])


def filters(conf: Conf, points: int) -> torch.Tensor:
    """``(points, F)`` weights of a spectrum's values."""

    def mel(hertz: np.ndarray | float) -> np.ndarray:
        return 2595 * np.log10(1 + np.asarray(hertz) / 700)

    edges = np.linspace(mel(conf.low_freq), mel(conf.upper_freq), conf.num_mel_bins + 2)
    places = mel(np.linspace(0, conf.sample_rate // 2, points))[:, None]
    rising = (places - edges[:-2]) / np.diff(edges[:-1])
    falling = (edges[2:] - places) / np.diff(edges[1:])
    weights = np.minimum(rising, falling).clip(min=0)
    weights[0] = 0
    return torch.from_numpy(weights.astype(np.float32))
