"""The fundamental frequency and the harmonicity of frames, by the autocorrelation of a windowed frame.

Of a frame x with Hann window w (Boersma 1993, "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17):

    r(τ) = [Σ_t (xw)_t (xw)_{t+τ} / Σ_t (xw)²_t]  /  [Σ_t w_t w_{t+τ} / Σ_t w²_t]

which is 1 at the period of a periodic frame, and at that of a noisy one the share of periodic energy. Of the local
maxima between the lags τ_min = sr / f_max and sr / f_min the one with the highest r(τ) − 0.02 log2(τ / τ_min) is
taken, so that of equal ones the shortest lag wins. A parabola through its neighbours gives τ and r(τ) between
samples.

    harmonicity = 10 log10(r / (1 − r)) dB
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

PERIODS = 3
"""Of the lowest frequency, that a frame holds."""
OCTAVE_COST = 0.02
CEILING = 0.9999
"""The highest r: 40 dB."""


class Pitch:
    """Frames ``(T, length)`` → F0 in Hz ``(T,)``, and the share r of periodic energy ``(T,)`` in [0, 1).

    Attributes:
        length: samples of a frame.
    """

    def __init__(self, rate: int, low: float, high: float) -> None:
        """``rate`` in Hz; F0 is looked for between ``low`` and ``high`` Hz."""
        self.rate = rate
        self.shortest, self.longest = int(rate / high), math.ceil(rate / low)
        self.length = 2 * math.ceil(PERIODS * rate / low / 2)
        self._window = torch.hann_window(self.length, periodic=False)
        self._size = _round_size(self.length + self.longest + 2)
        lags = torch.arange(self.shortest, self.longest + 1)
        self._cost = OCTAVE_COST * torch.log2(lags / self.shortest)
        own = self._autocorrelation(torch.ones(1, self.length))
        self._norm = own / own[:, :1]

    def __call__(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        frames = frames - frames.mean(dim=1, keepdim=True)
        found = self._autocorrelation(frames)
        r = found / (found[:, :1].clamp_min(torch.finfo(found.dtype).tiny) * self._norm)
        before, here, after = r[:, :-2], r[:, 1:-1], r[:, 2:]  # lags shortest … longest
        before, here, after = (part[:, self.shortest - 1 :] for part in (before, here, after))
        peak = (here > before) & (here >= after)
        place = (here - self._cost).masked_fill(~peak, -math.inf).argmax(dim=1, keepdim=True)
        left, top, right = (part.gather(1, place)[:, 0] for part in (before, here, after))
        bend = 2 * top - left - right
        shift = torch.where(bend > 0, 0.5 * (right - left) / bend.clamp_min(1e-12), 0).clamp(-0.5, 0.5)
        height = top + 0.25 * (right - left) * shift
        height = torch.where(peak.any(dim=1), height, 0).clamp(0, CEILING)
        return self.rate / (self.shortest + place[:, 0] + shift), height

    def _autocorrelation(self, frames: Tensor) -> Tensor:
        """Of windowed frames at lags 0 … longest + 1, by the Fourier transform of their energies."""
        energies = torch.fft.rfft(frames * self._window, self._size).abs().square()
        return torch.fft.irfft(energies, self._size)[:, : self.longest + 2]


def _round_size(least: int) -> int:
    """The smallest 2^a 3^b of at least so many, which Fourier transforms like."""
    sizes = (2**a * 3**b for a in range(1, 20) for b in range(3))
    return min(size for size in sizes if size >= least)
