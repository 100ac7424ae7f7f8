"""Conformer: attention for what is far, convolution for what is near (Gulati et al. 2020, arXiv 2005.08100).

frames (T, F) ── 3×3 stride 2, ReLU ── 3×3 stride 2, ReLU ── linear C ── blocks ── pooling ── head ── linear E

block:  x = x + ½ FF(x)        x = x + attention(LN(x))        x = x + convolution(x)        x = LN(x + ½ FF(x))

FF:             LN ── linear ── SiLU ── linear
attention:      with relative positions
convolution:    LN ── 1×1 → 2C, GLU ── depthwise k31 ── BN, SiLU ── 1×1
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.errors import TimbreError
from timbre.models.attention import AttentionConf, FeedForward, Head, RelativeAttention, relative_positions
from timbre.models.dropout import Dropout
from timbre.models.layers import Convolution, FrameNorm, frame_mask, masked
from timbre.models.pooling import build_pooling


class Conf(AttentionConf):
    """Conformer."""

    kind: Literal["conformer"] = "conformer"
    subsampling: Literal[1, 2, 4] = Field(
        4, description="frames that become one, by as many convolutions as it has halves; 1: a linear layer alone"
    )
    kernel: PositiveInt = Field(31, description="frames of the depthwise convolution, an odd number")

    @field_validator("kernel")
    @classmethod
    def _centred(cls, kernel: int) -> int:
        if kernel % 2 == 0:
            raise ValueError("an even kernel has no frame in its middle")
        return kernel


class Subsampling(nn.Module):
    """The map of time and frequency by halves, and a linear layer over what is left of the frequencies.

    The convolutions do not pad: of n frames, or bins, (n − 1) // 2 remain, and each comes from real ones only.

    Raises:
        TimbreError: if no bin would be left.
    """

    def __init__(self, input_dim: int, channels: int, factor: int) -> None:
        super().__init__()
        least = 2 * factor - 1  # frames and bins of which one is left
        if input_dim < least:
            raise TimbreError(
                f"frames of {input_dim} values are too few for encoder.subsampling={factor}: {least} at least"
            )
        self.min_frames = least
        self.convolutions = nn.ModuleList()
        bins, width = input_dim, 1
        while factor > 1:
            self.convolutions.append(nn.Conv2d(width, channels, 3, stride=2))
            bins, width, factor = (bins - 1) // 2, channels, factor // 2
        self.output = nn.Linear(bins * width, channels)

    def forward(self, frames: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """``(B, T, F)``, ``(B, T)`` -> ``(B, T', C)``, ``(B, T')``."""
        maps = frames[:, None]
        for convolution in self.convolutions:
            maps = F.relu(convolution(maps))
            if mask is not None:  # output t sees inputs 2t to 2t + 2: real when the last of them is
                mask = mask[:, 2::2]
        return self.output(maps.permute(0, 2, 3, 1).flatten(2)), mask


class ConvolutionModule(nn.Module):
    """``(B, T, C)`` -> ``(B, T, C)``: what passes the gate, convolved over time channel by channel."""

    def __init__(self, channels: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.enter = nn.Linear(channels, 2 * channels)
        self.depthwise = Convolution(channels, channels, kernel, groups=channels)
        self.depthwise_norm = FrameNorm(channels)
        self.leave = nn.Linear(channels, channels)
        self.dropout = Dropout(dropout)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        frames = masked(F.glu(self.enter(self.norm(frames)), dim=2), mask)
        frames = F.silu(self.depthwise_norm(self.depthwise(frames), mask))
        return self.dropout(self.leave(frames))


class Block(nn.Module):
    """Attention and convolution between two halves of a feed-forward."""

    def __init__(self, conf: Conf) -> None:
        super().__init__()
        self.enter, self.leave = (
            nn.Sequential(
                nn.LayerNorm(conf.channels),
                FeedForward(conf.channels, conf.feed_forward, nn.SiLU(), conf.dropout),
            )
            for _ in range(2)
        )
        self.attention_norm = nn.LayerNorm(conf.channels)
        self.attention = RelativeAttention(conf.channels, conf.heads, conf.dropout)
        self.attention_dropout = Dropout(conf.dropout)
        self.convolution = ConvolutionModule(conf.channels, conf.kernel, conf.dropout)
        self.norm = nn.LayerNorm(conf.channels)

    def forward(self, frames: Tensor, positions: Tensor, mask: Tensor | None) -> Tensor:
        frames = frames + 0.5 * self.enter(frames)
        frames = frames + self.attention_dropout(self.attention(self.attention_norm(frames), positions, mask))
        frames = frames + self.convolution(frames, mask)
        return self.norm(frames + 0.5 * self.leave(frames))


class Encoder(nn.Module):
    """``(B, T, input_dim)`` frames, T ≥ 2 · subsampling − 1 -> ``(B, embedding_dim)`` embeddings."""

    def __init__(self, conf: Conf, input_dim: int) -> None:
        super().__init__()
        self.input_dim = input_dim
        self.subsampling = Subsampling(input_dim, conf.channels, conf.subsampling)
        self.min_frames = self.subsampling.min_frames
        self.dropout = Dropout(conf.dropout)
        self.blocks = nn.ModuleList(Block(conf) for _ in range(conf.layers))
        self.pooling = build_pooling(conf.pooling, conf.channels)
        self.head = Head(conf, self.pooling.output_dim)
        self.embedding_dim = self.head.output_dim

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """``feats (B, T, F)``, ``lengths (B,)`` -> ``(B, D)``; see :func:`timbre.models.layers.frame_mask`."""
        mask = frame_mask(feats, lengths, self.input_dim, self.min_frames)
        frames, mask = self.subsampling(masked(feats, mask), mask)
        frames, positions = self.dropout(frames), relative_positions(frames)
        for block in self.blocks:
            frames = block(frames, positions, mask)
        return self.head(self.pooling(frames, mask))
