"""The optimiser of a training, from its conf."""

from __future__ import annotations

import torch
from torch import nn

from timbre.training.experiment import TrainConf


def build_optimizer(conf: TrainConf, parameters: list[nn.Parameter], encoder: nn.Module) -> torch.optim.Optimizer:
    """The optimiser.

    Parts of the encoder may have a learning rate of their own (``learning_rate_shares``: of each the factor), and
    no weight decay (``undecayed``).
    """
    factors = getattr(encoder, "learning_rate_shares", {})
    factor_of = {weight: factor for part, factor in factors.items() for weight in part.parameters()}
    undecayed = {weight for part in getattr(encoder, "undecayed", []) for weight in part.parameters()}
    members: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for weight in parameters:
        members.setdefault((factor_of.get(weight, 1.0), weight in undecayed), []).append(weight)
    groups = [
        {"params": members[key], "share": key[0], "weight_decay": 0.0 if key[1] else conf.weight_decay}
        for key in sorted(members, key=lambda key: (-key[0], key[1]))
    ]
    shared = {"lr": conf.learning_rate, "fused": True}
    if conf.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=conf.momentum, nesterov=conf.momentum > 0, **shared)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[conf.optimizer](groups, **shared)
