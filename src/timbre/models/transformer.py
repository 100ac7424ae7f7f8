"""Transformer encoder and a mean over time (Vaswani et al. 2017, arXiv 1706.03762).

    frames (T, F) ── linear C ── layers ── pooling ── head ── linear E

    layer:  x = LN(x + attention(x))        x = LN(x + W₂ ReLU(W₁ x))

There are no positions, as in the systems of closed-set identification that this comes from; an embedding does not
know the order of frames. Their small one is ``channels: 80, heads: 2, layers: 1, feed_forward: 256, head: [80],
embedding_dim: 0``, its head's second layer being the classifier; the next has ``channels: 512, heads: 16``.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from timbre.models.attention import Attention, AttentionConf, FeedForward, Head
from timbre.models.dropout import Dropout
from timbre.models.layers import frame_mask, masked
from timbre.models.pooling import build_pooling


class Conf(AttentionConf):
    """Transformer."""

    kind: Literal["transformer"] = "transformer"


class Layer(nn.Module):
    """Attention and feed-forward, each added to its input and normalised, as in torch's TransformerEncoderLayer."""

    def __init__(self, conf: Conf) -> None:
        super().__init__()
        self.attention = Attention(conf.channels, conf.heads, conf.dropout)
        self.attention_dropout = Dropout(conf.dropout)
        self.attention_norm = nn.LayerNorm(conf.channels)
        self.feed_forward = FeedForward(conf.channels, conf.feed_forward, nn.ReLU(), conf.dropout)
        self.feed_forward_norm = nn.LayerNorm(conf.channels)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        frames = self.attention_norm(frames + self.attention_dropout(self.attention(frames, mask)))
        return self.feed_forward_norm(frames + self.feed_forward(frames))


class Encoder(nn.Module):
    """``(B, T, input_dim)`` frames -> ``(B, embedding_dim)`` embeddings."""

    min_frames = 1

    def __init__(self, conf: Conf, input_dim: int) -> None:
        super().__init__()
        self.input_dim = input_dim
        self.first = nn.Linear(input_dim, conf.channels)
        self.layers = nn.ModuleList(Layer(conf) for _ in range(conf.layers))
        self.pooling = build_pooling(conf.pooling, conf.channels)
        self.head = Head(conf, self.pooling.output_dim)
        self.embedding_dim = self.head.output_dim

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """``feats (B, T, F)``, ``lengths (B,)`` -> ``(B, D)``; see :func:`timbre.models.layers.frame_mask`."""
        mask = frame_mask(feats, lengths, self.input_dim, self.min_frames)
        frames = self.first(masked(feats, mask))
        for layer in self.layers:
            frames = layer(frames, mask)
        return self.head(self.pooling(frames, mask))
