"""BYOL on sounds (BYOL-A, Niizumi et al. 2021, arXiv 2103.06695; Grill et al. 2020, arXiv 2006.07733).

Of each crop two views v, v′ are made (:mod:`timbre.losses.views`). What the encoder f and a projector g make of
one, a predictor q must turn into what their targets f̄, ḡ make of the other:

    loss = d(q(g(f(v))), ḡ(f̄(v′))) + d(q(g(f(v′))), ḡ(f̄(v)))        d(p, z) = 2 − 2 cos(p, z), of 0 to 4

g and q are Linear ── BN ── ReLU ── Linear. Targets have no gradient: before each step of training their weights w̄
become τ w̄ + (1 − τ) w; their BatchNorms keep statistics of their own, and their dropout is on, as published.

A crop is one of logarithms less one mean, divided by one deviation, of all bins alike (``input: {cmvn: global,
norm_vars: true}`` and ``features.uniform``): as published, sounds are added after that, which with a mean and a
deviation for each bin would be another mixture in each. What is mixed in are crops seen before, from a memory,
first in, first out. The views of a batch are normalised once more, by the mean and deviation of the batch. In
evaluation these are the running ones, and crops are mixed with others of their batch.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Literal

import torch
from pydantic import Field, PositiveFloat, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.conf_effects import POSITIVE, only
from timbre.errors import TimbreError
from timbre.losses.views import draw_window, mixed, resized
from timbre.models.layers import BatchNorm

SHORTEST = 1e-6  # shorter vectors are divided by this, so that a zero one has a finite gradient


class Conf(Section):
    """BYOL with BYOL-A's augmentations."""

    kind: Literal["byol"] = "byol"
    frames: PositiveInt = Field(96, description="of a crop, as train.crop_frames")
    hidden: PositiveInt = Field(4096, description="units inside the projector and the predictor")
    projection: PositiveInt = Field(256, description="values of a projection")
    momentum: float = Field(0.99, ge=0, lt=1, description="share τ of its weights that the target keeps in a step")
    mixup: float = Field(0.4, ge=0, lt=1, description="largest share of a sound that is mixed in; 0: none")
    memory: PositiveInt = Field(
        2048, description="crops that are kept to be mixed in", json_schema_extra=only(mixup=POSITIVE)
    )
    scale: tuple[PositiveFloat, PositiveFloat] = Field(
        (0.6, 1.5), description="length and height of the window that is stretched, in those of the crop"
    )
    canvas: float = Field(1.5, ge=1, le=100, description="frames that a window may lie in, in those of the crop")

    @model_validator(mode="after")
    def _from_small_to_large(self) -> Conf:
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"scale goes from the smallest to the largest, found {list(self.scale)}")
        return self


class Objective(nn.Module):
    """Projector, predictor, the targets and the memory: all that training has beside the encoder.

    With several processes each has a memory of its own crops; that of the first is saved.
    """

    measure_of_choice = None

    def __init__(self, conf: Conf, encoder: nn.Module) -> None:
        super().__init__()
        self.conf, self.canvas = conf, int(conf.canvas * conf.frames)
        self.projector = _perceptron(encoder.embedding_dim, conf.hidden, conf.projection)
        self.predictor = _perceptron(conf.projection, conf.hidden, conf.projection)
        self.target_encoder = deepcopy(encoder).requires_grad_(False)
        self.target_projector = deepcopy(self.projector).requires_grad_(False)
        self.norm = BatchNorm(1, affine=False)
        self.register_buffer("memory", torch.zeros(conf.memory, conf.frames, encoder.input_dim))
        self.register_buffer("seen", torch.tensor(0))  # crops that were ever put into the memory

    def forward(
        self, encoder: nn.Module, feats: Tensor, lengths: Tensor, utterances: list[str]
    ) -> dict[str, Tensor]:
        """Loss of a batch of crops, in training after the targets have moved.

        Args:
            encoder: that which is trained.
            feats: ``(B, frames, F)``, all of whole ``lengths``.

        Returns:
            ``loss``, and ``embedding_std``: √D times the deviation of the embeddings' values, divided by their
            lengths, over the batch; near 0 all embeddings are the same.

        Raises:
            TimbreError: for crops of another length.
        """
        if feats.shape[1] != self.conf.frames or int(lengths.min()) < self.conf.frames:
            raise TimbreError(
                f"loss byol: crops of {int(lengths.min())} to {feats.shape[1]} frames, where loss.frames="
                f"{self.conf.frames} are expected; set train.crop_frames to the same"
            )
        with torch.no_grad():
            if self.training:
                self._follow(encoder)
            views = self._views(feats)
            targets = [self.target_projector(self.target_encoder(view, lengths)) for view in views]
        embeddings = [encoder(view, lengths) for view in views]
        predictions = [self.predictor(self.projector(embedding)) for embedding in embeddings]
        loss = sum(distance(*pair) for pair in zip(predictions, reversed(targets), strict=True))
        return {"loss": loss.mean(), "embedding_std": spread(embeddings[0].detach())}

    def _follow(self, encoder: nn.Module) -> None:
        """Moves the targets; before the first batch of all to where training begins."""
        share = torch.where(self.seen == 0, 1.0, 1.0 - self.conf.momentum)
        for network, target in ((encoder, self.target_encoder), (self.projector, self.target_projector)):
            for weight, follower in zip(network.parameters(), target.parameters(), strict=True):
                follower.lerp_(weight, share.to(weight.dtype))

    def _views(self, feats: Tensor) -> list[Tensor]:
        """Two views ``(B, T, F)`` of crops, which in training the memory learns."""
        conf, rows, device = self.conf, 2 * len(feats), feats.device
        with torch.autocast(device.type, enabled=False):
            feats = feats.float()
            known = self.seen.clamp(max=conf.memory) if self.training else torch.tensor(len(feats), device=device)
            chosen = (torch.rand(rows, device=device) * known).long().minimum((known - 1).clamp(min=0))
            others = (self.memory if self.training else feats)[chosen]
            share = conf.mixup * torch.rand(rows, device=device) * (known > 0)
            views = mixed(torch.cat([feats, feats]), others, share)
            time = draw_window(rows, conf.frames, self.canvas, conf.scale, device)
            frequency = draw_window(rows, feats.shape[2], feats.shape[2], conf.scale, device)
            views = resized(views, time, frequency, self.canvas)
            views = self.norm(views.reshape(-1, 1)).view(views.shape)
        if self.training:
            latest = feats[-conf.memory :]
            self.memory[(self.seen + torch.arange(len(latest), device=device)) % conf.memory] = latest
            self.seen += len(latest)
        return list(views.chunk(2))


def distance(predictions: Tensor, targets: Tensor) -> Tensor:
    """``2 − 2 cos`` of each row of two ``(B, D)``: ``(B,)`` fp32, 0 of the same direction, 4 of the opposite."""
    predictions, targets = (F.normalize(rows.float(), eps=SHORTEST) for rows in (predictions, targets))
    return 2 - 2 * (predictions * targets).sum(dim=1)


def spread(embeddings: Tensor) -> Tensor:
    """√D times the mean deviation, over rows ``(B, D)`` of length 1, of a value: 0 where all rows are alike."""
    rows = F.normalize(embeddings.float(), eps=SHORTEST)
    return rows.std(dim=0, correction=0).mean() * embeddings.shape[1] ** 0.5


def _perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), BatchNorm(hidden), nn.ReLU(), nn.Linear(hidden, outputs))
