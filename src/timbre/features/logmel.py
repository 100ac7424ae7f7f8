"""Log mel energies of a short-time Fourier transform, as deep-learning toolkits outside Kaldi have them."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field

from timbre.features.frames import BandConf, frame_samples, require_one_frame


class Conf(BandConf):
    """Hann window, centred frames, waveform in [-1, 1); natural logarithm."""

    kind: Literal["logmel"] = "logmel"
    num_mel_bins: int = Field(40, ge=1, le=2000)
    low_freq: float = Field(0.0, ge=0, description="Hz")
    power: Literal[1, 2] = Field(2, description="of the magnitude: 2 energy, 1 magnitude")
    mel_scale: Literal["htk", "slaney"] = Field(
        "htk", description="the scale, and Slaney's area norm with `slaney`"
    )
    floor: float = Field(1e-6, gt=0, le=1, description="added before the logarithm")
    uniform: bool = Field(
        False, description="for input.cmvn global: one mean and one deviation of all bins, not of each"
    )


class Extractor:
    """``(N,)`` samples in [-1, 1) → ``(T, F)`` float32, T = 1 + N // shift."""

    def __init__(self, conf: Conf) -> None:
        import torchaudio  # 0.1 s, which those who read frames from ark are spared

        self.conf = conf
        self.dim = conf.num_mel_bins
        self.uniform = conf.uniform
        length = frame_samples(conf)
        self._mel = torchaudio.transforms.MelSpectrogram(
            sample_rate=conf.sample_rate,
            n_fft=length,
            hop_length=int(conf.sample_rate * conf.frame_shift * 0.001),
            f_min=conf.low_freq,
            f_max=conf.upper_freq,
            n_mels=conf.num_mel_bins,
            power=conf.power,
            norm="slaney" if conf.mel_scale == "slaney" else None,
            mel_scale=conf.mel_scale,
        )

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        require_one_frame(samples, self.conf)
        return (self._mel(samples) + self.conf.floor).log().T.contiguous()
