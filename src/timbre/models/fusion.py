"""Emotion from several streams of an utterance, weighed by a gate and fused (after arXiv 2211.08237).

    stream of frames    convolutions of 3 and 5, summed ── bidirectional LSTM ── attention ── linear ┐
                        mean and deviation ── BatchNorm ── linear (pooling: both) ───────────────────┴ norm ── h_s
    stream of a vector  linear ── norm ── h_s

    h_s ── linear with gates of each language (l0) ── times S w_s ──┐
    gate of a language  w = softmax(MLP(h of all streams, or of the speaker's)), w_s = 1 / S at first
    head of a language  [S w_1 h_1; …; S w_S h_S], or their sum, ── 2h ── h ── h/2 (── h/4) ── classes

Each h_s has mean 0 and deviation 1 over its values (LayerNorm), so that no stream drowns the others before the gate
weighs it. Streams are shared by all languages; gates and heads are each language's own. Recurrence runs over time,
from each utterance's own last frame backwards: no frame of padding and no other utterance reaches a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.conf_effects import only
from timbre.errors import TimbreError
from timbre.models.fusion_parts import FrameStream, Head, VectorStream, build_gate
from timbre.models.hard_concrete import GatedLinear, HardConcrete, closed_share
from timbre.models.layers import BatchNorm, wide
from timbre.models.streams import Extractor, StreamConf, Streams


class FusionConf(Section):
    """What follows the streams."""

    size: int = Field(256, ge=1, le=100_000, description="values of each stream where they are joined")
    stream_norm: bool = Field(True, description="normalise each stream's values before the gate weighs it")
    join: Literal["concatenate", "sum"] = Field(
        "concatenate", description="of the weighed streams; of a sum the speaker's stream is put beside it"
    )
    speaker: str = Field("ge2e", description="the stream that is a speaker's embedding")
    gate: bool = Field(True, description="weigh the streams, for each utterance anew; else all weigh the same")
    gate_input: Literal["streams", "speaker"] = Field(
        "streams",
        description="what the gate hears: all, or the speaker's",
        json_schema_extra=only(gate=True),
    )
    gate_widths: tuple[PositiveInt, ...] = Field(
        (128, 64, 32), description="hidden layers of the gate", json_schema_extra=only(gate=True)
    )
    l0: bool = Field(True, description="a linear layer with hard-concrete gates behind each stream")
    l0_penalty: NonNegativeFloat = Field(
        0.001, description="in the loss, for each hard-concrete gate that is open", json_schema_extra=only(l0=True)
    )
    l0_learning_rate: PositiveFloat = Field(
        100.0, le=10_000, description="of these gates, times the learning rate", json_schema_extra=only(l0=True)
    )
    width: PositiveInt = Field(256, le=100_000, description="h of a head")
    widths: dict[str, PositiveInt] = Field({}, description="h of the heads of some languages")
    depth: Literal[1, 2, 3, 4] = Field(3, description="hidden layers of a head")
    depths: dict[str, Literal[1, 2, 3, 4]] = Field({}, description="hidden layers of the heads of some languages")
    contrastive: bool = Field(True, description="a contrastive loss over emotions beside the cross-entropy")
    contrastive_weights: dict[str, NonNegativeFloat] = Field(
        {"en": 0.1, "de": 0.01, "fa": 0.01, "fr": 0.015},
        description="its weight; 0.01 of other languages",
        json_schema_extra=only(contrastive=True),
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="of the cross-entropy")
    domain_norm: bool = Field(False, description="BatchNorm before the head, with statistics of each language")
    dropout: float = Field(0.1, ge=0, lt=1, description="in the heads and behind the streams")
    stream_dropout: float = Field(0.0, ge=0, lt=1, description="in training, streams of an utterance left out")


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
        self.speaker = conf.speaker if conf.speaker in streams else ""
        self.weighs = conf.gate and len(streams) > 1
        if self.weighs and conf.gate_input == "speaker" and not self.speaker:
            raise TimbreError(
                f"fusion.gate_input speaker: the gate hears the stream '{conf.speaker}' (fusion.speaker), and "
                "there is none; add it, or set fusion.gate_input to streams"
            )
        self.encoders = nn.ModuleDict({name: encoder for name, (encoder, _) in fine_tuned.items()})
        for name, (_, of_embeddings) in fine_tuned.items():
            self.register_buffer(f"statistics_{name}", of_embeddings)
        self.parts = nn.ModuleDict(
            {
                name: FrameStream(stream, dims[name], conf.size)
                if stream.framewise
                else VectorStream(dims[name], conf.size)
                for name, stream in streams.items()
            }
        )
        self.norms = nn.ModuleDict(
            {name: nn.LayerNorm(conf.size) if conf.stream_norm else nn.Identity() for name in streams}
        )
        self.gated = nn.ModuleDict({name: GatedLinear(conf.size, languages) for name in streams if conf.l0})
        heard = conf.size * (len(streams) if conf.gate_input == "streams" else 1)
        self.gates = nn.ModuleDict(
            {
                language: build_gate(heard, conf.gate_widths, len(streams))
                for language in (languages if self.weighs else [])
            }
        )
        beside = bool(self.speaker) and len(streams) > 1
        inputs = conf.size * (len(streams) if conf.join == "concatenate" else 1 + beside)
        self.domain_norms = nn.ModuleDict(
            {language: BatchNorm(inputs) for language in (languages if conf.domain_norm else [])}
        )
        self.heads = nn.ModuleDict(
            {
                language: Head(
                    inputs,
                    conf.widths.get(language, conf.width),
                    conf.depths.get(language, conf.depth),
                    len(names),
                    conf.dropout,
                )
                for language, names in classes.items()
            }
        )
        self.learning_rate_shares = {self.encoders[name]: streams[name].fine_tuning for name in self.encoders}
        concrete = [module for module in self.modules() if isinstance(module, HardConcrete)]
        self.learning_rate_shares |= dict.fromkeys(concrete, conf.l0_learning_rate)
        self.undecayed = concrete

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
        weights = self._weights(values, language)
        for number, name in enumerate(self.streams):
            value = self.gated[name](values[name], language) if self.conf.l0 else values[name]
            values[name] = len(self.streams) * weights[:, number, None] * value
        fused = self._join(values)
        if self.conf.domain_norm:
            fused = self.domain_norms[language](fused)
        logits, features = self.heads[language](fused)
        return wide(logits), wide(features), weights

    def penalty(self, language: str) -> Tensor:
        """How many of the language's hard-concrete gates are open, as expected in training: a scalar."""
        shares = [layer.gates[language].open_shares().sum() for layer in self.gated.values()]
        return torch.stack(shares).sum() if shares else torch.zeros(())

    def closed_gates(self) -> dict[str, dict[str, float]]:
        """Of each language and stream the share of hard-concrete gates that are 0 in evaluation."""
        return {
            language: {name: closed_share(layer.gates[language].log_alpha) for name, layer in self.gated.items()}
            for language in self.heads
        }

    def _value(self, name: str, values: Tensor, lengths: Tensor) -> Tensor:
        if name in self.encoders:
            mean, scale = getattr(self, f"statistics_{name}")
            values = ((self.encoders[name](values, lengths) - mean) * scale)[:, None]
        value = self.norms[name](self.parts[name](values, lengths))
        return F.dropout(value, self.conf.dropout, self.training)

    def _join(self, values: Mapping[str, Tensor]) -> Tensor:
        if self.conf.join == "concatenate":
            return torch.cat(list(values.values()), dim=1)
        summed = [value for name, value in values.items() if name != self.speaker]
        beside = [values[self.speaker]] if self.speaker else []
        return torch.cat([sum(summed)] * bool(summed) + beside, dim=1)

    def _weights(self, values: Mapping[str, Tensor], language: str) -> Tensor:
        """Of each utterance the weights of the streams (B, S), which sum to 1."""
        first = next(iter(values.values()))
        if self.weighs:
            heard = values.values() if self.conf.gate_input == "streams" else [values[self.speaker]]
            logits = wide(self.gates[language](torch.cat(list(heard), dim=1)))
        else:
            logits = torch.zeros(len(first), len(self.streams), device=first.device)
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
