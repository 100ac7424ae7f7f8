"""Log mel energies of a short-time Fourier transform, as deep-learning toolkits outside Kaldi have them."""

from __future__ import annotations

from typing import Literal

import torch
import torchaudio
from pydantic import Field, PositiveFloat, PositiveInt

from timbre.features.frames import FrameConf, frame_samples, require_one_frame


class Conf(FrameConf):
    """Hann window, centred frames, waveform in [-1, 1); natural logarithm."""

    kind: Literal["logmel"] = "logmel"
    num_mel_bins: PositiveInt = 40
    power: Literal[1, 2] = Field(2, description="of the magnitude: 2 energy, 1 magnitude")
    mel_scale: Literal["htk", "slaney"] = Field(
        "htk", description="the scale, and Slaney's area norm with `slaney`"
    )
    floor: PositiveFloat = Field(1e-6, description="added before the logarithm")


class Extractor:
    """``(N,)`` samples in [-1, 1) → ``(T, F)`` float32, T = 1 + N // shift."""

    def __init__(self, conf: Conf) -> None:
        self.conf = conf
        self.dim = conf.num_mel_bins
        length = frame_samples(conf)
        self._mel = torchaudio.transforms.MelSpectrogram(
            sample_rate=conf.sample_rate,
            n_fft=length,
            hop_length=int(conf.sample_rate * conf.frame_shift * 0.001),
            n_mels=conf.num_mel_bins,
            power=conf.power,
            norm="slaney" if conf.mel_scale == "slaney" else None,
            mel_scale=conf.mel_scale,
        )

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        require_one_frame(samples, self.conf)
        return (self._mel(samples) + self.conf.floor).log().T.contiguous()
