"""The optimiser of a training, from its conf."""

from __future__ import annotations

import torch
from torch import nn

from timbre.training.experiment import TrainConf


def build_optimizer(conf: TrainConf, parameters: list[nn.Parameter], encoder: nn.Module) -> torch.optim.Optimizer:
    """The optimiser; parts of the encoder may have a share of the learning rate (``learning_rate_shares``)."""
    shares = getattr(encoder, "learning_rate_shares", {})
    share_of = {weight: share for part, share in shares.items() for weight in part.parameters()}
    groups = [
        {"params": [weight for weight in parameters if share_of.get(weight, 1.0) == share], "share": share}
        for share in sorted({share_of.get(weight, 1.0) for weight in parameters}, reverse=True)
    ]
    shared = {"lr": conf.learning_rate, "weight_decay": conf.weight_decay, "fused": True}
    if conf.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=conf.momentum, nesterov=conf.momentum > 0, **shared)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[conf.optimizer](groups, **shared)
