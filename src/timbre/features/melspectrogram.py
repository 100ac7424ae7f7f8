"""Mel energies without a logarithm, as Resemblyzer gives them to its speaker encoder (Apache-2.0, Resemble AI).

They are librosa's ``melspectrogram``: Hann window, frames centred, ends reflected, energies, Slaney's scale and
norm. librosa reflects up to 0.8, as when Resemblyzer's weights were trained (2019), and pads with zeros since 0.9:
the first two frames differ, and a tenth of the last.

The encoder averages windows of W frames that begin at 0, H, 2H, …, and the waveform is made to end with the last:

    n = max(1, ⌈(T − W + H + 1) / H⌉), T = 1 + N // shift        but one less, unless it is the only one, if of
                                                                the samples of the last fewer than ¾ are there

Zeros are appended where the last window wants them, and frames after it are left out, so that (n − 1) H + W remain.
Resemblyzer also cuts long silences out of the waveform (webrtcvad); that is not done here.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, PositiveInt, model_validator
from torch.nn.functional import pad

from timbre.features.frames import FrameConf, frame_samples, require_one_frame

COVERAGE = 0.75
"""The share of the last window's samples that must be there, or there is no such window."""


class Conf(FrameConf):
    """Resemblyzer's, by default."""

    kind: Literal["melspectrogram"] = "melspectrogram"
    num_mel_bins: int = Field(40, ge=1, le=2000)
    level: float | None = Field(
        -30.0,
        ge=-200,
        le=0,
        description="dB of full scale that a softer waveform is raised to; null: left as it is",
    )
    window: int = Field(160, ge=1, le=10_000, description="frames of a window, as the encoder's")
    window_hop: PositiveInt = Field(77, description="frames from window to window: 1.3 windows a second")

    @model_validator(mode="after")
    def _no_frame_between_windows(self) -> Conf:
        if self.window_hop > self.window:
            raise ValueError(f"window_hop {self.window_hop} leaves frames out between windows of {self.window}")
        return self


class Extractor:
    """``(N,)`` samples in [-1, 1) → ``(T, F)`` float32, T = (n − 1) H + W of n windows."""

    def __init__(self, conf: Conf) -> None:
        import torchaudio  # 0.1 s, which those who read frames from ark are spared

        self.conf = conf
        self.dim = conf.num_mel_bins
        self._shift = int(conf.sample_rate * conf.frame_shift * 0.001)
        self._mel = torchaudio.transforms.MelSpectrogram(
            sample_rate=conf.sample_rate,
            n_fft=frame_samples(conf),
            hop_length=self._shift,
            n_mels=conf.num_mel_bins,
            norm="slaney",
            mel_scale="slaney",
        )

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        require_one_frame(samples, self.conf)
        frames = self._frames(len(samples))
        samples = raised(samples, self.conf.level)
        samples = pad(samples, (0, max(0, frames * self._shift - len(samples))))
        return self._mel(samples)[:, :frames].T.contiguous()

    def _frames(self, count: int) -> int:
        """Frames to the end of the last window of ``count`` samples."""
        window, hop = self.conf.window, self.conf.window_hop
        last = max(0, (1 + count // self._shift - window + hop) // hop)
        if last and count - last * hop * self._shift < COVERAGE * window * self._shift:
            last -= 1
        return last * hop + window


def raised(samples: torch.Tensor, level: float | None) -> torch.Tensor:
    """``samples (N,)`` with a root mean square of ``level`` dB of full scale or more; silence stays silent."""
    strength = samples.square().mean().sqrt()
    if level is None or strength == 0:
        return samples
    return samples * (10 ** (level / 20) / strength).clamp(min=1)
