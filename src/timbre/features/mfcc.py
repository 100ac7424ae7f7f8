"""Mel-frequency cepstral coefficients as Kaldi's compute-mfcc-feats (feature-mfcc.h)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, PositiveInt, model_validator

from timbre.features.frames import INT16, KaldiConf, require_one_frame


class Conf(KaldiConf):
    """Kaldi's options under Kaldi's names."""

    kind: Literal["mfcc"] = "mfcc"
    num_ceps: PositiveInt = 13
    use_energy: bool = Field(True, description="the log energy of the frame instead of C0")
    cepstral_lifter: float = Field(22.0, ge=0, le=1000)

    @model_validator(mode="after")
    def _no_more_ceps_than_bins(self) -> Conf:
        if self.num_ceps > self.num_mel_bins:
            raise ValueError(f"num_ceps {self.num_ceps} must not exceed num_mel_bins {self.num_mel_bins}")
        if 0 < self.cepstral_lifter < 1:
            raise ValueError(f"cepstral_lifter {self.cepstral_lifter:g} is neither 0, for none, nor 1 or more")
        return self


class Extractor:
    """``(N,)`` samples in [-1, 1) → ``(T, F)`` float32."""

    def __init__(self, conf: Conf) -> None:
        self.conf = conf
        self.dim = conf.num_ceps

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        from torchaudio.compliance import kaldi  # 0.1 s, which those who read frames from ark are spared

        require_one_frame(samples, self.conf)
        return kaldi.mfcc(samples[None] * INT16, **self.conf.options())
