"""The parts of a fusion: of a stream a vector, of a language its gate and its head."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.features.recurrent import BidirectionalLSTM
from timbre.models.layers import BatchNorm, Convolution, frame_weights, masked, wide
from timbre.models.pooling import statistics
from timbre.models.streams import StreamConf

ACTIVATIONS = (torch.tanh, F.relu, F.gelu, F.mish)  # of a head's layers, in their order


class FrameStream(nn.Module):
    """Frames (B, T, F) -> (B, size)."""

    def __init__(self, conf: StreamConf, dim: int, size: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(Convolution(dim, conf.channels, kernel) for kernel in (3, 5))
        self.lstm = BidirectionalLSTM(conf.channels, conf.hidden, conf.layers)
        states = 2 * conf.hidden
        self.query, self.key = nn.Linear(states, states), nn.Linear(states, states)
        self.value = nn.Linear(states, size)
        self.statistics = None
        if conf.pooling == "both":
            self.statistics = nn.Sequential(BatchNorm(2 * dim), nn.Linear(2 * dim, size))

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Attention over the LSTM's states h_t, its query the two states that have seen the whole utterance.

        q = [forward state after the last frame; backward state after the first]
        a = softmax_t((W_q q) · (W_k h_t) / √d)        output = W_v Σ_t a_t h_t (+ W BatchNorm([mean; deviation]))
        """
        mask = torch.arange(frames.shape[1], device=frames.device) < lengths.to(frames.device)[:, None]
        frames = masked(frames, mask)
        convolved = F.relu(sum(convolution(frames) for convolution in self.convolutions))
        states, whole = self.lstm(convolved, lengths)
        states = masked(states, mask)
        query = wide(self.query(whole))
        scores = torch.einsum("bd,btd->bt", query, wide(self.key(states))) * query.shape[1] ** -0.5
        weights = scores.masked_fill(~mask, float("-inf")).softmax(dim=1)
        value = self.value(torch.einsum("bt,btd->bd", weights, wide(states)))
        if self.statistics is not None:
            value = value + self.statistics(statistics(frames, frame_weights(frames, mask)))
        return value


class VectorStream(nn.Module):
    """Vectors (B, 1, D) -> (B, size)."""

    def __init__(self, dim: int, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, size)

    def forward(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        return self.linear(vectors[:, 0])


class Head(nn.Module):
    """Of one language: hidden layers with BatchNorm each, and the classes; gives the last hidden values too."""

    def __init__(self, inputs: int, width: int, layers: int, classes: int, dropout: float) -> None:
        super().__init__()
        sizes = [inputs, *(2 * width // 2**number for number in range(layers))]
        self.linears = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.norms = nn.ModuleList(BatchNorm(size) for size in sizes[1:])
        self.classes, self.dropout = nn.Linear(sizes[-1], classes), dropout

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, inputs)`` -> logits ``(B, C)`` and features ``(B, width)``."""
        for linear, norm, activation in zip(self.linears, self.norms, ACTIVATIONS, strict=False):
            values = F.dropout(activation(norm(linear(values))), self.dropout, self.training)
        return self.classes(values), values


def build_gate(inputs: int, widths: Sequence[int], streams: int) -> nn.Sequential:
    """From what the gate hears to logits of the streams, all 0 before training."""
    sizes = (inputs, *widths)
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.ReLU()]
    last = nn.Linear(sizes[-1], streams)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)
