"""What encoders of self-attention share: attention, relative positions, feed-forward, head, and the keys of a conf.

A padded frame is never attended to. What attention gives in its place is finite and is read by nobody: convolutions
and poolings mask their own input.
"""

from __future__ import annotations

import math

import torch
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.models.dropout import Dropout
from timbre.models.layers import wide_dtype
from timbre.models.pooling import PoolingConf

LONGEST_WAVE = 10_000.0  # of the sinusoids, in frames over 2π


class AttentionConf(Section):
    """The keys that encoders of self-attention have in common."""

    kind: str
    channels: PositiveInt = Field(256, multiple_of=2, description="channels of the frame layers")
    heads: PositiveInt = Field(4, description="heads of an attention; they share the channels out among them")
    layers: int = Field(4, ge=1, le=200, description="blocks")
    feed_forward: PositiveInt = Field(1024, description="hidden units of a feed-forward")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of values dropped in training, attention's included")
    pooling: PoolingConf = Field(PoolingConf(kind="average"), description="frames to one vector")
    head: tuple[PositiveInt, ...] = Field(
        (),
        max_length=100,
        description="widths of hidden layers, linear and ReLU, between the pooling and the embedding",
    )
    embedding_dim: NonNegativeInt = Field(
        256,
        description="values of an embedding, from a linear layer after pooling and head; 0: no such layer, what "
        "those give is the embedding",
    )

    @model_validator(mode="after")
    def _heads_share_channels(self) -> AttentionConf:
        if self.channels % self.heads:
            raise ValueError(f"channels {self.channels} cannot be shared out among {self.heads} heads")
        return self


class FeedForward(nn.Sequential):
    """Linear → activation → dropout → linear → dropout, each frame for itself."""

    def __init__(self, channels: int, hidden: int, activation: nn.Module, dropout: float) -> None:
        super().__init__(
            nn.Linear(channels, hidden),
            activation,
            Dropout(dropout),
            nn.Linear(hidden, channels),
            Dropout(dropout),
        )


class Head(nn.Sequential):
    """The conf's hidden layers and embedding layer: pooled ``(B, channels)`` -> ``(B, output_dim)``."""

    def __init__(self, conf: AttentionConf, channels: int) -> None:
        super().__init__()
        for hidden in conf.head:
            self.extend([nn.Linear(channels, hidden), nn.ReLU()])
            channels = hidden
        if conf.embedding_dim:
            self.append(nn.Linear(channels, conf.embedding_dim))
        self.output_dim = conf.embedding_dim or channels


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017, arXiv 1706.03762): of each head, with d = channels / heads,

    a_ij = q_i·k_j / √d        out_i = Σ_j softmax_j(a_ij) v_j
    """

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, Dropout(dropout)
        self.inputs = nn.Linear(channels, 3 * channels)
        self.output = nn.Linear(channels, channels)

    def forward(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        """``frames (B, T, C)``, ``mask (B, T)`` -> ``(B, T, C)``."""
        query, key, value = self._project(frames)
        bias = None if mask is None else query.new_zeros(mask.shape).masked_fill(~mask, -torch.inf)[:, None, None]
        return self._attend(query, key, value, bias)

    def _project(self, frames: Tensor) -> tuple[Tensor, ...]:
        """Queries, keys and values, each ``(B, heads, T, d)``."""
        parts = self.inputs(frames).view(
            frames.shape[0], frames.shape[1], 3, self.heads, -1
        )  # ONNX loses T in unflatten
        return parts.permute(2, 0, 3, 1, 4).unbind()

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
        """``bias`` is added to the scores: −inf where a query does not see a key."""
        if self.training and query.device.type == "cpu":  # where torch has no fused form with dropout
            scores = query @ (key.transpose(2, 3) / math.sqrt(query.shape[3]))
            weights = (scores if bias is None else scores + bias).softmax(dim=3)
            out = self.dropout(weights) @ value
        else:
            share = self.dropout.share if self.training else 0.0
            out = F.scaled_dot_product_attention(query, key, value, attn_mask=bias, dropout_p=share)
        return self.output(out.transpose(1, 2).flatten(2))


class RelativeAttention(Attention):
    """Self-attention that knows how far apart two frames are (Dai et al. 2019, arXiv 1901.02860): of each head

        a_ij = [(q_i + u)·k_j + (q_i + v)·W r_(i−j)] / √d

    with learned u and v, the same for all frames, and sinusoids r of :func:`relative_positions`. It looks both
    ways: i − j runs from T − 1 to −(T − 1).
    """

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__(channels, heads, dropout)
        self.positions = nn.Linear(channels, channels, bias=False)
        self.content_bias = nn.Parameter(torch.empty(heads, 1, channels // heads))
        self.position_bias = nn.Parameter(torch.empty(heads, 1, channels // heads))
        for bias in (self.content_bias, self.position_bias):
            nn.init.xavier_uniform_(bias[:, 0])

    def forward(self, frames: Tensor, positions: Tensor, mask: Tensor | None = None) -> Tensor:
        """``frames (B, T, C)``, their :func:`relative_positions`, ``mask (B, T)`` -> ``(B, T, C)``."""
        query, key, value = self._project(frames)
        waves = self.positions(positions).unflatten(1, (self.heads, -1)).permute(1, 2, 0) / math.sqrt(key.shape[3])
        bias = by_key((query + self.position_bias) @ waves)
        if mask is not None:
            bias = bias.masked_fill(~mask[:, None, None], -torch.inf)
        return self._attend(query + self.content_bias, key, value, bias)


def relative_positions(frames: Tensor) -> Tensor:
    """Sinusoids of all distances between ``frames (B, T, C)``, C even: ``(2T, C)`` fp32, of T − 1 down to −T.

        r_n = [sin(n ω_0), sin(n ω_1), …, cos(n ω_0), cos(n ω_1), …]        ω_k = 10000^(−2k / C)

    No two frames are −T apart; that row makes :func:`by_key` a view.
    """
    count, channels = frames.shape[1], frames.shape[2]
    distances = count - 1 - torch.arange(2 * count, device=frames.device)
    rates = torch.exp(
        torch.arange(0, channels, 2, device=frames.device, dtype=wide_dtype(frames))
        * (-math.log(LONGEST_WAVE) / channels)
    )
    angles = distances[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def by_key(scores: Tensor) -> Tensor:
    """Scores of queries and distances ``(…, T, 2T)``, as in :func:`relative_positions`, -> of queries and keys.

    Key j of query i has distance i − j and stands in column T − 1 − i + j. In memory, row after row, that is

        2T i + (T − 1 − i + j) = (T − 1) + (2T − 1) i + j

    so that past the first T − 1 values the keys of each query begin a row of 2T − 1.
    """
    count = scores.shape[-2]
    rows = scores.flatten(-2)[..., count - 1 : -1].unflatten(-1, (count, 2 * count - 1))
    return rows[..., :count]
