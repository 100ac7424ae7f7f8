"""wav2vec as an encoder: raw frames of 10 ms -> contexts, and their mean (Schneider et al. 2019).

    frames (T, F) ── one after another: samples (T · F,) ── latents ── contexts ── mean over time (D,)

The network is :mod:`timbre.features.wav2vec_network`, which runs it for other models, too (features.kind wav2vec).
It is trained without labels (:mod:`timbre.losses.contrastive`) on frames that do not overlap:
``features: {kind: raw, frame_length: 10, frame_shift: 10}``, ``input: {cmvn: none}``.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from timbre.features.wav2vec_network import Network, NetworkConf
from timbre.models.layers import frame_mask, frame_weights
from timbre.models.pooling import weighted_mean


class Conf(NetworkConf):
    """wav2vec."""

    kind: Literal["wav2vec"] = "wav2vec"


class Encoder(nn.Module):
    """``(B, T, input_dim)`` frames of samples -> ``(B, context_channels)``, the mean of the contexts.

    Attributes:
        latent_dim: C, the values of a latent.
    """

    def __init__(self, conf: Conf, input_dim: int) -> None:
        super().__init__()
        self.input_dim, self.embedding_dim, self.latent_dim = input_dim, conf.context_channels, conf.channels
        self.min_frames = -(-conf.reach // input_dim)
        self.network = Network(conf)

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """``feats (B, T, F)``, ``lengths (B,)`` -> ``(B, D)`` fp32; see :func:`timbre.models.layers.frame_mask`."""
        frames, lengths = self.frames(feats, lengths)
        return weighted_mean(frames, frame_weights(frames, frame_mask(frames, lengths, self.embedding_dim, 1)))

    def frames(self, feats: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The contexts ``(B, T', D)``, zero where padded, and their lengths ``(B,)``."""
        _, contexts, lengths = self.latents_and_contexts(feats, lengths)
        return contexts, lengths

    def latents_and_contexts(self, feats: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Latents ``(B, T', C)``, contexts ``(B, T', D)``, both zero where padded, and lengths ``(B,)``."""
        frame_mask(feats, lengths, self.input_dim, self.min_frames)
        return self.network(feats.flatten(1), lengths * self.input_dim)
