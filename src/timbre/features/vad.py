"""Energy-based voice activity, as Kaldi's compute-vad (voice-activity-detection.h).

With the log energies e(t) of T frames, of samples in the 16-bit range:

    cutoff = energy_threshold + energy_mean_scale · mean(e)
    frame t is voiced  ⇔  #{τ ∈ [t−c, t+c] ∩ [0, T): e(τ) > cutoff}  ≥  proportion · #([t−c, t+c] ∩ [0, T))
"""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field

from timbre.conf import Section
from timbre.features import mfcc
from timbre.features.frames import KaldiConf, require_waveforms


class VadConf(Section):
    """Kaldi's options; the defaults are those of its speaker recipes (egs/voxceleb/v2/conf/vad.conf)."""

    energy_threshold: float = Field(
        5.5, ge=-100, le=100, description="the constant term of the cutoff, log energy (Kaldi: 5.0)"
    )
    energy_mean_scale: float = Field(0.5, ge=0, le=10)
    frames_context: int = Field(2, ge=0, le=1000, description="frames on each side (Kaldi: 0)")
    proportion_threshold: float = Field(0.12, ge=0, le=1, description="(Kaldi: 0.6)")


def voiced(log_energy: np.ndarray, conf: VadConf) -> np.ndarray:
    """``(T,)`` log energies → ``(T,)`` bool."""
    cutoff = conf.energy_threshold + conf.energy_mean_scale * log_energy.mean()
    above = np.concatenate([[0], np.cumsum(log_energy > cutoff)])
    frames = np.arange(len(log_energy))
    first = np.maximum(frames - conf.frames_context, 0)
    last = np.minimum(frames + conf.frames_context + 1, len(log_energy))
    return above[last] - above[first] >= conf.proportion_threshold * (last - first)


class VoiceActivity:
    """``(N,)`` samples in [-1, 1) → ``(T,)`` bool, on the frames of a front-end.

    The energy is taken from the waveform, so that it serves features of any kind.
    """

    def __init__(self, conf: VadConf, features: Section) -> None:
        frames = require_waveforms(features, "voice activity cannot be found in")
        shared = {"sample_rate", "frame_length", "frame_shift"} | (
            {"dither", "remove_dc_offset", "snip_edges"} if isinstance(frames, KaldiConf) else set()
        )
        options = frames.model_dump(include=shared)
        options.setdefault("snip_edges", False)
        self._energy = mfcc.Extractor(mfcc.Conf(num_ceps=1, num_mel_bins=23, high_freq=0, **options))
        self.conf = conf

    def __call__(self, samples: torch.Tensor) -> np.ndarray:
        return voiced(self._energy(samples)[:, 0].numpy(), self.conf)
