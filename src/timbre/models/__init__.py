"""Encoders: frames -> one embedding per utterance; each kind is a module with ``Conf`` and ``Encoder``."""

from __future__ import annotations

from torch import nn

from timbre.conf import Section, kind_module
from timbre.kaldi.datadir import DataDir


def build_encoder(conf: Section, input_dim: int) -> nn.Module:
    """The encoder of ``conf.kind`` for frames of ``input_dim`` values.

    It has ``embedding_dim``, ``min_frames`` and ``forward(feats (B, T, F), lengths (B,)) -> (B, embedding_dim)``.
    """
    return kind_module("timbre.models", conf.kind, "encoder.kind").Encoder(conf, input_dim)


def complete(conf: Section, data: DataDir) -> Section:
    """``conf`` with what it leaves to the training ``data``: of a kind whose module has ``complete``."""
    own = getattr(kind_module("timbre.models", conf.kind, "encoder.kind"), "complete", None)
    return own(conf, data) if own else conf
