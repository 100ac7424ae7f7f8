"""The waveform itself, cut into frames: for encoders that find their own filters."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field, PositiveFloat
from torch.nn.functional import pad

from timbre.features.frames import FrameConf


class Conf(FrameConf):
    """Frames of samples in [-1, 1), one after another; times are rounded to whole samples."""

    kind: Literal["raw"] = "raw"
    frame_length: float = Field(20.0, gt=0, le=10_000, description="ms, rounded to samples: the values of a frame")
    frame_shift: PositiveFloat = Field(
        20.0, description="ms; as long as a frame, every sample is in one frame, and shorter, frames overlap"
    )

    @property
    def length(self) -> int:
        """Samples of a frame."""
        return round(self.sample_rate * self.frame_length / 1000)

    @property
    def shift(self) -> int:
        """Samples from frame to frame."""
        return round(self.sample_rate * self.frame_shift / 1000)


class Extractor:
    """``(N,)`` samples in [-1, 1) → ``(T, F)`` float32, F samples a frame, zeros after the last sample.

    With frames of L samples, S apart, frame t is x[tS : tS + L], and the last is the first to reach the end:

        T = 1 + ⌈max(N − L, 0) / S⌉

    Nothing is left out, and where S = L nothing stands in two frames; S ≤ L, so that no frame is of zeros alone.
    """

    uniform = True  # a column is a place in the frame: its statistics are those of any other

    def __init__(self, conf: Conf) -> None:
        self.conf = conf
        self.dim = conf.length

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        length, shift = self.conf.length, self.conf.shift
        count = 1 + math.ceil(max(len(samples) - length, 0) / shift)
        whole = pad(samples, (0, (count - 1) * shift + length - len(samples)))
        return whole.unfold(0, length, shift).contiguous()
