"""The network of the universal phone recogniser: frames to logits of the blank and of every phone of all languages.

    frames (T, F) ── S neighbours joined, every S-th kept ── bidirectional LSTM, L layers of 2 H ── linear 1 + P

Column 0 of the logits is the blank. Joining keeps T' = ⌈T / S⌉ frames of S · F values; with S = 3 row t is

    x[3t − 1], x[3t], x[3t + 1]

indices taken modulo the utterance's length, so that its first frame stands beside its last: odd, but what the
published models were trained with. S = 1 leaves frames as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from timbre.features.recurrent import BidirectionalLSTM


class Network(nn.Module):
    """``(B, T, input_dim)`` → ``(B, T', 1 + phones)``; ``stack`` is S."""

    def __init__(self, input_dim: int, layers: int, hidden: int, phones: int, stack: int = 1) -> None:
        super().__init__()
        self.stack = stack
        self.lstm = BidirectionalLSTM(stack * input_dim, hidden, layers)
        self.phones = nn.Linear(2 * hidden, 1 + phones)

    def forward(self, feats: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """``feats (B, T, F)``, ``lengths (B,)`` int64 → logits ``(B, T', 1 + P)`` and their lengths ``(B,)``.

        In padded frames of the logits stands nothing of use.
        """
        frames, lengths = joined(feats, lengths, self.stack)
        return self.phones(self.lstm(frames, lengths)[0]), lengths


def joined(feats: Tensor, lengths: Tensor, stack: int) -> tuple[Tensor, Tensor]:
    """Of ``feats (B, T, F)`` every ``stack``-th with its neighbours, ``(B, T', stack · F)``, and the lengths."""
    if stack == 1:
        return feats, lengths
    place = torch.arange(0, feats.shape[1], stack)[:, None] + torch.arange(stack) - (stack - 1) // 2
    rows = place.flatten() % lengths.cpu()[:, None]
    rows = rows.to(feats.device)[:, :, None]
    frames = feats.gather(1, rows.expand(-1, -1, feats.shape[2]))
    return frames.unflatten(1, place.shape).flatten(2), (lengths + stack - 1) // stack
