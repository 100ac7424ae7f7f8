"""Log mel filter-bank energies as Kaldi's compute-fbank-feats (feature-fbank.h)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field

from timbre.features.frames import INT16, KaldiConf, require_one_frame


class Conf(KaldiConf):
    """Kaldi's options under Kaldi's names."""

    kind: Literal["fbank"] = "fbank"
    num_mel_bins: int = Field(80, ge=4, le=2000)
    scale: Literal["int16", "unit"] = Field(
        "int16",
        description="of the samples: Kaldi's 16-bit range, or [-1, 1), whose softest sounds lie at the logarithm's "
        "floor",
    )
    use_energy: bool = Field(False, description="an extra first column with the log energy of the frame")


class Extractor:
    """``(N,)`` samples in [-1, 1) → ``(T, F)`` float32."""

    def __init__(self, conf: Conf) -> None:
        self.conf = conf
        self.dim = conf.num_mel_bins + conf.use_energy

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        from torchaudio.compliance import kaldi  # 0.1 s, which those who read frames from ark are spared

        require_one_frame(samples, self.conf)
        options = self.conf.options()
        scale = INT16 if options.pop("scale") == "int16" else 1.0
        return kaldi.fbank(samples[None] * scale, **options)
