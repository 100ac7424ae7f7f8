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
