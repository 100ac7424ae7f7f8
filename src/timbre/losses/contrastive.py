"""wav2vec's contrastive objective (Schneider et al. 2019, arXiv 1904.05862, section 2.2).

A context c_i is to tell the latent that comes k frames later from others of the utterance. For k = 1 … K

    L_k = − Σ_i [ log σ(s_k(z_{i+k}, c_i)) + λ · E log σ(−s_k(z̃, c_i)) ],    s_k(z, c) = z · (W_k c + b_k)

z̃ being drawn uniformly from the utterance's latents. The expectation is the mean of N draws and λ = N, as in the
paper, so that a draw weighs as much as the truth:

    loss = 1 / #(i, k) · Σ_(i, k) [ softplus(−s_k(z_{i+k}, c_i)) + Σ_n softplus(s_k(z̃_n, c_i)) ]

over all pairs of the batch with i + k inside the utterance. Two things are not the paper's: to s is added − log N,
the log odds of the truth among N draws, and W and b begin at 0. So training begins at the best that can be had
without looking, 3.35 with ten draws, and W learns first. Without − log N the first steps press all products down to
it by taking from the latents what tells one from another: a network of 128 channels stood at 3.35 after 100 steps
and still after 175, its latents differing over time by 0.07 % of their power (50 % before, 44 % as it is here).

N negatives are drawn for each latent that is predicted and serve all K predictions of it, as in fairseq; unlike
there, the latent itself is never drawn. fairseq's steps begin past the latents that share samples with z_i (at
i + 3 with the paper's sizes), here as in the paper with the next one.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.errors import TimbreError


class Conf(Section):
    """Contrastive predictive coding as in wav2vec; for encoders with latents."""

    kind: Literal["contrastive"] = "contrastive"
    steps: int = Field(12, ge=1, le=1000, description="K: how many frames ahead is predicted")
    negatives: int = Field(
        10, ge=1, le=100_000, description="N: other latents of the utterance that each is told from"
    )


class Objective(nn.Module):
    """The affine h_k of all steps."""

    measure_of_choice = "accuracy"

    def __init__(self, conf: Conf, encoder: nn.Module) -> None:
        """Raises:
        TimbreError: for an encoder without latents.
        """
        super().__init__()
        if not hasattr(encoder, "latents_and_contexts"):
            raise TimbreError(
                "loss contrastive predicts latents, which the encoder does not have; take kind wav2vec"
            )
        self.steps, self.negatives = conf.steps, conf.negatives
        self.predict = nn.Linear(encoder.embedding_dim, conf.steps * encoder.latent_dim)
        nn.init.zeros_(self.predict.weight)
        nn.init.zeros_(self.predict.bias)

    def forward(
        self, encoder: nn.Module, feats: Tensor, lengths: Tensor, utterances: list[str]
    ) -> dict[str, Tensor]:
        """``feats (B, T, F)``, ``lengths (B,)`` -> ``loss``, per prediction, and ``accuracy``.

        That is the share of the predictions whose product with the truth is above those with all negatives: of
        guesses 1 / (1 + N), and 0 where products are all the same.

        Raises:
            TimbreError: where all utterances have one latent, and none ahead of it.
        """
        latents, contexts, lengths = encoder.latents_and_contexts(feats, lengths)
        if int(lengths.max()) < 2:
            raise TimbreError(
                f"{utterances[0]}: {int(lengths[0])} latents, as all of its batch, and nothing ahead to predict; "
                "train on longer crops (train.crop_frames)"
            )
        return self.contrast(latents, contexts, lengths, self.draw(lengths, latents.shape[1], latents.device))

    def draw(self, lengths: Tensor, frames: int, device: torch.device) -> Tensor:
        """For each of ``frames`` places N others, uniformly below the row's length: ``(B, frames, N)`` int64."""
        others = (lengths.to(device) - 1)[:, None, None]  # one fewer than there are: not the place itself
        drawn = torch.rand(len(lengths), frames, self.negatives, device=device) * others
        drawn = torch.minimum(drawn.long(), others - 1).clamp(min=0)  # the product may have been rounded up
        drawn += drawn >= torch.arange(frames, device=device)[:, None]
        return drawn.clamp(max=frames - 1)  # of a row with one latent, which is not predicted

    def contrast(self, latents: Tensor, contexts: Tensor, lengths: Tensor, negatives: Tensor) -> dict[str, Tensor]:
        """The measures of :meth:`forward`, in fp32 inside autocast but for the products with W.

        Args:
            latents: ``(B, T, C)``.
            contexts: ``(B, T, D)``.
            lengths: ``(B,)``, how many of them are real.
            negatives: ``(B, T, N)``, places of the latents that each of T is to be told from.
        """
        batch, frames, width = latents.shape
        predicted = self.predict(contexts).unflatten(2, (self.steps, width))
        ahead = [F.pad(predicted[:, :, step], (0, 0, step + 1, 0))[:, :frames] for step in range(self.steps)]
        places = torch.arange(frames, device=latents.device)
        rows = torch.arange(batch, device=latents.device)[:, None, None] * frames
        chosen = torch.cat([places[:, None].expand(batch, -1, 1), negatives], dim=2) + rows
        with torch.autocast(latents.device.type, enabled=False):
            latents = latents.to(self.predict.weight.dtype).flatten(0, 1)
            candidates = latents.index_select(0, chosen.flatten()).view(batch * frames, -1, width)
            made = torch.stack(ahead, dim=2).to(latents.dtype).flatten(0, 1)
            logits = made @ candidates.transpose(1, 2)  # (B · T, K, 1 + N): the latent at t, as seen from t - k
            logits = logits - math.log(self.negatives)
            truth, others = logits[..., :1], logits[..., 1:]
            losses = F.softplus(-truth).sum(dim=2) + F.softplus(others).sum(dim=2)
            right = (truth > others).all(dim=2)
            inside = places < lengths.to(latents.device)[:, None]
            said = places[:, None] > torch.arange(self.steps, device=latents.device)
            counted = (inside[:, :, None] & said).flatten(0, 1)
            share = counted / counted.sum()
            return {"loss": (losses * share).sum(), "accuracy": (right * share).sum()}
