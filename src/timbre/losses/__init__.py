"""Losses: embeddings and labels -> a number to minimise; each kind is a module with ``Conf`` and ``Loss``."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from timbre.conf import Section, kind_module


class LossOutput(NamedTuple):
    """What a loss gives back.

    ``loss`` is a scalar; ``logits (B, C)`` are without a margin (their accuracy is that of the test), and
    ``margin_logits (B, C)`` with it (what the loss sees; its accuracy is lower while training goes well);
    ``targets (B,)`` int64 are the true columns of both: a classifier's labels, GE2E's places in the batch.
    """

    loss: Tensor
    logits: Tensor
    margin_logits: Tensor
    targets: Tensor


def build_loss(conf: Section, embedding_dim: int, num_classes: int) -> nn.Module:
    """The loss of ``conf.kind`` over ``num_classes``.

    It has ``forward(embeddings (B, D), labels (B,) int64, margin_scale=1.0) -> LossOutput``, and of its class
    ``class_parameters``, names of the parameters whose rows belong to the classes in their order (as many rows
    to each), and ``whole_batch``, whether it compares a batch's rows with each other and so needs all at once.
    A loss that has classes can classify: ``logits(embeddings (B, D)) -> (B, C)``, without a margin.
    """
    return kind_module("timbre.losses", conf.kind, "loss.kind").Loss(conf, embedding_dim, num_classes)


def build_objective(conf: Section, encoder: nn.Module, *speech: object) -> nn.Module:
    """The objective of ``conf.kind``: a loss that sees more of ``encoder`` than an embedding.

    It has ``forward(encoder, feats (B, T, F), lengths (B,), utterances) -> {name: scalar}``, of which ``loss`` is
    minimised and the others are logged, and of its class ``measure_of_choice``, the name of the one of them, from 0
    to 1, that epochs are chosen by on what is held out, or ``None``. It never registers the encoder as its own.

    Args:
        speech: what an objective has to know of the utterances, if anything.
    """
    return kind_module("timbre.losses", conf.kind, "loss.kind").Objective(conf, encoder, *speech)
