"""CNN and LSTM on the frames of a waveform, from samples to an utterance's vector without a filter bank.

    frame (F,) ── mean of 2 samples ── 3 × [ convolution to C channels, 5 wide, stride 2 ── max of 2 ── ReLU ]
               ── (D,)
    frames (T, D) ── LSTM, L layers of H ── state after the last real frame ── ReLU ── embedding (H,)

Raw frames of 500 samples (20.48 ms at the 24,414 Hz of TESS) become D = 64 × 2 values. Convolutions and maxima
leave out what does not fill another output, together so much that the last 118 of 500 samples reach none: they are
not computed, a quarter of the work. In the network that this one corrects (a course's exercise on TESS) the second
and the third convolution are one and the same: ``tied``.

A convolution sees one frame alone, and the LSTM runs forwards: what follows the last real frame cannot reach its
state. Packed sequences give the same state, and take 7 times as long on a CPU (a batch of 10 × 125 frames), where
torch has no fused kernel for them.

An LSTM needs one bias a gate. ``nn.LSTM`` has two that are added, as cuDNN has; the second stays 0, untrained.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.conf_effects import POSITIVE, only
from timbre.errors import TimbreError
from timbre.models.layers import frame_mask, last_frame, masked, wide

KERNEL, STRIDE, POOL = 5, 2, 2


class Conf(Section):
    """CNN and LSTM on raw frames; with ``convolutions: 0`` an LSTM on frames of any kind (mfcc, fbank)."""

    kind: Literal["audionet"] = "audionet"
    average: PositiveInt = Field(2, description="so many samples become their mean before all else; 1: none")
    convolutions: int = Field(3, ge=0, le=100, description="blocks of convolution, maximum and ReLU; 0: none")
    channels: PositiveInt = Field(
        64, description="of each convolution", json_schema_extra=only(convolutions=POSITIVE)
    )
    tied: bool = Field(False, description="all convolutions after the first are one, with the same weights")
    hidden: PositiveInt = Field(64, description="cells H of an LSTM layer, values of an embedding")
    layers: int = Field(2, ge=1, le=100, description="LSTM layers")


class Encoder(nn.Module):
    """``(B, T, input_dim)`` frames -> ``(B, hidden)`` embeddings.

    ``seen`` is how many values of a frame reach its D values: what stands after them is not convolved.
    """

    min_frames = 1

    def __init__(self, conf: Conf, input_dim: int) -> None:
        """Raises:
        TimbreError: for frames of too few values for so many convolutions.
        """
        super().__init__()
        self.input_dim, self.embedding_dim, self.average = input_dim, conf.hidden, conf.average
        size = input_dim // conf.average
        for _ in range(conf.convolutions):
            size = ((size - KERNEL) // STRIDE + 1) // POOL if size >= KERNEL else 0
        if size < 1:
            raise TimbreError(
                f"frames of {input_dim} values are too short for encoder.average={conf.average} and "
                f"encoder.convolutions={conf.convolutions}; take fewer (average 1 and 0 convolutions for mfcc or "
                "fbank), or raw frames of more samples"
            )
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(conf.channels if place else 1, conf.channels, (1, KERNEL), stride=(1, STRIDE))
                for place in range(min(conf.convolutions, 2) if conf.tied else conf.convolutions)
            ]
        ).to(memory_format=torch.channels_last)
        self._order = [min(place, len(self.convolutions) - 1) for place in range(conf.convolutions)]
        width, seen = size * (conf.channels if conf.convolutions else 1), size
        for _ in range(conf.convolutions):
            seen = (seen * POOL - 1) * STRIDE + KERNEL
        self.seen = seen * conf.average
        self.lstm = nn.LSTM(width, conf.hidden, conf.layers, batch_first=True)
        for name, weight in self.lstm.named_parameters():
            if name.startswith("bias_hh"):
                nn.init.zeros_(weight).requires_grad_(False)

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """``feats (B, T, F)``, ``lengths (B,)`` -> ``(B, H)``; see :func:`timbre.models.layers.frame_mask`."""
        mask = frame_mask(feats, lengths, self.input_dim, self.min_frames)
        frames = self._convolve(masked(feats, mask).flatten(0, 1)).view(feats.shape[0], feats.shape[1], -1)
        return wide(F.relu(last_frame(self.lstm(frames)[0], lengths)))

    def _convolve(self, frames: Tensor) -> Tensor:
        """``(N, F)`` -> ``(N, D)``; the maximum before the ReLU, which is the same and half the work."""
        found = F.avg_pool1d(frames[:, None, : self.seen], self.average)[:, :, None]
        found = found.contiguous(memory_format=torch.channels_last)
        for place in self._order:
            found = F.relu(F.max_pool2d(self.convolutions[place](found), (1, POOL)))
        return found.flatten(1)
