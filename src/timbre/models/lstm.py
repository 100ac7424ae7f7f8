"""The LSTM of generalised end-to-end training (Wan et al. 2018, arXiv 1710.10467).

    frames (T, F) ── LSTM, L layers of H [projected to P] ── state after the last real frame
                  ── linear E ── ReLU ── divided by its length

By default three layers of 256, the sizes of the public implementations; the paper's are ``hidden: 768`` and
``projection: 256``.

An LSTM is trained on crops (160 frames in the paper). On whole utterances it either goes through all frames
(``window: 0``), or as in the paper through windows whose embeddings are averaged, and which overlap by half unless
``window_hop`` says otherwise:

    windows of T ≥ W frames begin at 0, W/2, W, …, the last at T − W        e = mean(e_w) / |mean(e_w)|
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.models.layers import frame_mask, last_frame, masked, wide

SHORTEST = 1e-6  # shorter vectors are divided by this: the zero vector stays zero, and its gradient finite


class Conf(Section):
    """LSTM."""

    kind: Literal["lstm"] = "lstm"
    layers: int = Field(3, ge=1, le=100, description="LSTM layers")
    hidden: PositiveInt = Field(256, description="cells H of a layer")
    projection: NonNegativeInt = Field(
        0, description="values P that a layer's output is projected to, less than hidden; 0: no projection"
    )
    embedding_dim: PositiveInt = Field(256, description="values of an embedding")
    window: NonNegativeInt = Field(
        0,
        description="evaluation: average the embeddings of windows of this many frames (160 in the paper); 0: one "
        "pass over the whole utterance",
    )
    window_hop: NonNegativeInt = Field(0, description="frames from window to window; 0: half a window")

    @model_validator(mode="after")
    def _projection_shrinks(self) -> Conf:
        if self.projection >= self.hidden:
            raise ValueError(f"projection {self.projection} must be less than hidden ({self.hidden})")
        return self

    @model_validator(mode="after")
    def _no_frame_between_windows(self) -> Conf:
        if self.window_hop > self.window:
            raise ValueError(f"window_hop {self.window_hop} leaves frames out between windows of {self.window}")
        return self


class Encoder(nn.Module):
    """``(B, T, input_dim)`` frames -> ``(B, embedding_dim)`` embeddings of length 1 (0 where the ReLU leaves none).

    ``window`` is of evaluation alone: a training crop is one window.
    """

    min_frames = 1

    def __init__(self, conf: Conf, input_dim: int) -> None:
        super().__init__()
        self.input_dim, self.embedding_dim, self.window = input_dim, conf.embedding_dim, conf.window
        self.hop = conf.window_hop or (conf.window + 1) // 2
        self.lstm = nn.LSTM(input_dim, conf.hidden, conf.layers, batch_first=True, proj_size=conf.projection)
        self.embedding = nn.Linear(conf.projection or conf.hidden, conf.embedding_dim)

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """``feats (B, T, F)``, ``lengths (B,)`` -> ``(B, D)`` fp32; see :func:`timbre.models.layers.frame_mask`."""
        mask = frame_mask(feats, lengths, self.input_dim, self.min_frames)
        feats = masked(feats, mask)
        if self.training or not self.window:
            return self._embed(feats, lengths)
        parts, sizes, owner = windows(feats, lengths, self.window, self.hop)
        embeddings = self._embed(parts, sizes)
        sums = embeddings.new_zeros(feats.shape[0], self.embedding_dim)
        return normalised(sums.scatter_add(0, owner.to(feats.device)[:, None].expand_as(embeddings), embeddings))

    def _embed(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """Of each row the embedding in its last real frame; what follows that one cannot reach it."""
        states, _ = self.lstm(feats)
        return normalised(wide(F.relu(self.embedding(last_frame(states, lengths)))))


def normalised(vectors: Tensor) -> Tensor:
    """``vectors (N, D)`` divided by their lengths."""
    return F.normalize(vectors, eps=SHORTEST)


def windows(feats: Tensor, lengths: Tensor, size: int, hop: int) -> tuple[Tensor, Tensor, Tensor]:
    """Cuts utterances into windows.

    Args:
        feats: ``(B, T, F)``.
        lengths: ``(B,)`` int64.
        size: frames of a window; of an utterance of so many or fewer all frames are one window.
        hop: frames from the beginning of a window to that of the next, except of the last, which ends with the
            utterance.

    Returns:
        All windows of all utterances in order ``(N, min(size, T), F)``, their lengths ``(N,)``, and the row of
        ``feats`` each is of ``(N,)``.
    """
    last = (lengths - size).clamp(min=0)  # where an utterance's last window begins
    counts = 1 + (last + hop - 1) // hop
    owner, index = (torch.arange(counts.max(), device=counts.device) < counts[:, None]).nonzero(as_tuple=True)
    begin = torch.minimum(index * hop, last[owner])
    frames = begin[:, None] + torch.arange(min(size, feats.shape[1]), device=owner.device)
    return feats[owner[:, None], frames.clamp(max=feats.shape[1] - 1)], lengths[owner].clamp(max=size), owner
