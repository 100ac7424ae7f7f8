"""Emotion from several streams of an utterance, fused by a gate that listens to the voice (after arXiv 2211.08237).

    stream of frames    convolutions of 3 and 5, summed ── bidirectional LSTM ── attention ── 256
    stream of a vector  512 ── 256                                                             │
                                                          gated linear, gates of each language ┘ h_s

    gate of a language      w = softmax(256 ── 128 ── 64 ── 32 ── streams), of the speaker's embedding e
    head of a language      [Σ_s w_s h_s ; w_e e] ── 2h ── h ── h/2 (── h/4) ── classes

Streams are shared by all languages; gates and heads are each language's own. The sum goes over all streams but the
speaker's, whose embedding is put beside it as it is. Recurrence runs over time, from each utterance's own last
frame backwards: no frame of padding and no other utterance reaches a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.conf_effects import only
from timbre.errors import TimbreError
from timbre.features.recurrent import BidirectionalLSTM
from timbre.models.hard_concrete import GatedLinear
from timbre.models.layers import BatchNorm, Convolution, masked, wide
from timbre.models.streams import Extractor, StreamConf, Streams

ACTIVATIONS = (torch.tanh, F.relu, F.gelu, F.mish)  # of a head's layers, in their order


class FusionConf(Section):
    """What follows the streams."""

    size: int = Field(256, ge=1, le=100_000, description="values of each stream where they are summed")
    speaker: str = Field(
        "ge2e", description="the stream that is a speaker's embedding: it drives the gate and goes to the head"
    )
    gate: bool = Field(True, description="weigh the streams by the speaker's embedding; else all weigh the same")
    l0: bool = Field(True, description="a linear layer with hard-concrete gates behind each stream")
    l0_penalty: NonNegativeFloat = Field(
        0.01, description="times the share of gates that are open, in the loss", json_schema_extra=only(l0=True)
    )
    widths: dict[str, PositiveInt] = Field(
        {"en": 256, "de": 512, "fr": 512, "fa": 1024}, description="h of a language's head; 256 of others"
    )
    layers: dict[str, Literal[1, 2, 3, 4]] = Field({"fa": 4}, description="hidden layers of a head; 3 of others")
    contrastive: bool = Field(True, description="a contrastive loss over emotions beside the cross-entropy")
    contrastive_weights: dict[str, NonNegativeFloat] = Field(
        {"en": 0.1, "de": 0.01, "fa": 0.01, "fr": 0.015},
        description="its weight; 0.01 of other languages",
        json_schema_extra=only(contrastive=True),
    )
    domain_norm: bool = Field(False, description="BatchNorm before the head, with statistics of each language")
    dropout: float = Field(0.1, ge=0, lt=1, description="in the heads and behind the streams")
    stream_dropout: float = Field(0.0, ge=0, lt=1, description="in training, streams of an utterance left out")


class FrameStream(nn.Module):
    """Frames (B, T, F) -> (B, size)."""

    def __init__(self, conf: StreamConf, dim: int, size: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(Convolution(dim, conf.channels, kernel) for kernel in (3, 5))
        self.lstm = BidirectionalLSTM(conf.channels, conf.hidden, conf.layers)
        states = 2 * conf.hidden
        self.query, self.key = nn.Linear(states, states), nn.Linear(states, states)
        self.value = nn.Linear(states, size)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Attention over the LSTM's states h_t, its query the two states that have seen the whole utterance.

        q = [forward state after the last frame; backward state after the first]
        a = softmax_t((W_q q) · (W_k h_t) / √d)        output = W_v Σ_t a_t h_t
        """
        mask = torch.arange(frames.shape[1], device=frames.device) < lengths.to(frames.device)[:, None]
        frames = masked(frames, mask)
        frames = F.relu(sum(convolution(frames) for convolution in self.convolutions))
        states, whole = self.lstm(frames, lengths)
        states = masked(states, mask)
        query = wide(self.query(whole))
        scores = torch.einsum("bd,btd->bt", query, wide(self.key(states))) * query.shape[1] ** -0.5
        weights = scores.masked_fill(~mask, float("-inf")).softmax(dim=1)
        return self.value(torch.einsum("bt,btd->bd", weights, wide(states)))


class VectorStream(nn.Module):
    """Vectors (B, 1, D) -> (B, size)."""

    def __init__(self, dim: int, size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(dim, 2 * size), nn.ReLU(), nn.Linear(2 * size, size))

    def forward(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        return self.layers(vectors[:, 0])


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


class Fusion(nn.Module):
    """The whole model; what it is to know of streams and languages is in its arguments.

    Args:
        dims: of each stream F or D.
        classes: of each language its emotions in order.
        fine_tuned: of streams that are fine-tuned the encoder, and mean and inverse deviation (2, D) of its
            embeddings over the training part, by which they are normalised as other vectors are.
    """

    def __init__(
        self,
        conf: FusionConf,
        streams: Mapping[str, StreamConf],
        dims: Mapping[str, int],
        classes: Mapping[str, list[str]],
        fine_tuned: Mapping[str, tuple[nn.Module, Tensor]],
    ) -> None:
        super().__init__()
        self.conf, self.streams, languages = conf, list(streams), list(classes)
        spoken = conf.speaker if conf.speaker in streams else ""
        if conf.gate and not spoken:
            raise TimbreError(
                f"fusion.gate listens to the stream '{conf.speaker}' (fusion.speaker), and there is none; add it, "
                "or set fusion.gate to false"
            )
        self.speaker = spoken
        self.summed = [name for name in streams if name != spoken]
        self.encoders = nn.ModuleDict({name: encoder for name, (encoder, _) in fine_tuned.items()})
        for name, (_, statistics) in fine_tuned.items():
            self.register_buffer(f"statistics_{name}", statistics)
        self.learning_rate_shares = {self.encoders[name]: streams[name].fine_tuning for name in self.encoders}
        self.parts = nn.ModuleDict(
            {
                name: FrameStream(streams[name], dims[name], conf.size)
                if streams[name].framewise
                else VectorStream(dims[name], conf.size)
                for name in self.summed
            }
        )
        self.gated = nn.ModuleDict(
            {name: GatedLinear(conf.size, languages) if conf.l0 else nn.Identity() for name in self.summed}
        )
        inputs = (conf.size if self.summed else 0) + (dims[spoken] if spoken else 0)
        self.norms = nn.ModuleDict(
            {language: BatchNorm(inputs) for language in (languages if conf.domain_norm else [])}
        )
        self.gates = nn.ModuleDict(
            {language: _gate(dims[spoken], len(self.streams)) for language in (languages if conf.gate else [])}
        )
        self.heads = nn.ModuleDict(
            {
                language: Head(
                    inputs,
                    conf.widths.get(language, 256),
                    conf.layers.get(language, 3),
                    len(names),
                    conf.dropout,
                )
                for language, names in classes.items()
            }
        )

    def train(self, mode: bool = True) -> Fusion:
        """Fine-tuned models stay as they are used: by windows, without dropout, with the statistics they have."""
        super().train(mode)
        self.encoders.eval()
        for module in self.encoders.modules():
            if isinstance(module, nn.RNNBase):
                module.train(mode)  # cuDNN has no backward pass of one in evaluation mode
        return self

    def forward(self, batch: Streams) -> tuple[Tensor, Tensor, Tensor]:
        """Logits ``(B, C)`` of the language's classes, features ``(B, width)``, the streams' weights ``(B, S)``."""
        language = batch.language
        if language not in self.heads:
            raise TimbreError(f"no head for the language '{language}'; this model knows {', '.join(self.heads)}")
        values = {name: self._value(name, *batch.values[name]) for name in self.streams}
        first = next(iter(values.values()))
        weights = self._weights(values, language, first)
        column = {name: weights[:, number, None] for number, name in enumerate(self.streams)}
        parts = []
        if self.summed:
            gated = {name: self._gated(name, values[name], language) for name in self.summed}
            parts.append(sum(column[name] * gated[name] for name in self.summed))
        if self.speaker:
            parts.append(column[self.speaker] * values[self.speaker])
        fused = torch.cat(parts, dim=1)
        if self.conf.domain_norm:
            fused = self.norms[language](fused)
        logits, features = self.heads[language](fused)
        return wide(logits), wide(features), weights

    def penalty(self, language: str) -> Tensor:
        """The share of the language's hard-concrete gates that are open, a scalar; 0 without such gates."""
        gates = [layer.gates[language].penalty() for layer in self.gated.values() if self.conf.l0]
        return torch.stack(gates).mean() if gates else torch.zeros(())

    def _value(self, name: str, values: Tensor, lengths: Tensor) -> Tensor:
        if name in self.encoders:
            mean, scale = getattr(self, f"statistics_{name}")
            values = ((self.encoders[name](values, lengths) - mean) * scale)[:, None]
        if name == self.speaker:
            return values[:, 0]
        return F.dropout(self.parts[name](values, lengths), self.conf.dropout, self.training)

    def _gated(self, name: str, values: Tensor, language: str) -> Tensor:
        return self.gated[name](values, language) if self.conf.l0 else values

    def _weights(self, values: Mapping[str, Tensor], language: str, like: Tensor) -> Tensor:
        """Of each utterance the weights of the streams (B, S), which sum to 1."""
        if self.conf.gate:
            logits = wide(self.gates[language](values[self.speaker]))
        else:
            logits = torch.zeros(len(like), len(self.streams), device=like.device)
        if self.training and self.conf.stream_dropout:
            dropped = torch.rand_like(logits) < self.conf.stream_dropout
            dropped &= ~dropped.all(dim=1, keepdim=True)  # of all streams none is left out
            logits = logits.masked_fill(dropped, float("-inf"))
        return logits.softmax(dim=1)


def build_fusion(
    conf: FusionConf,
    streams: Mapping[str, StreamConf],
    extractors: Mapping[str, Extractor],
    statistics: Mapping[str, np.ndarray],
    classes: Mapping[str, list[str]],
) -> Fusion:
    """The model of ``streams``, those that are fine-tuned with the encoders of their ``extractors``.

    Args:
        statistics: of each stream mean and inverse deviation (2, F) over the training part.
        classes: of each language its emotions in order.
    """
    dims = {name: values.shape[1] for name, values in statistics.items()}
    tuned = {
        name: (extractors[name].model.encoder, torch.from_numpy(statistics[name]))
        for name, stream in streams.items()
        if stream.fine_tuning
    }
    return Fusion(conf, streams, dims, classes, tuned)


def _gate(inputs: int, streams: int) -> nn.Sequential:
    sizes = (inputs, 128, 64, 32)
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], streams))
