"""x-vector: a time-delay network and a pooling (Snyder et al. 2018, ICASSP, "X-vectors").

    frames (T, F) ── 512 (k5) ── 512 (k3 d2) ── 512 (k3 d3) ── 512 (k1) ── 1500 (k1) ── pooling ── linear 512
                  [── ReLU ── BN ── linear 512, with `second_segment_layer`]

Each frame layer is convolution → ReLU → BatchNorm (without scale and shift, as in Kaldi), without padding: an
output frame sees 15 input frames, and T of them give T − 14. The embedding is the first linear layer's output,
before any ReLU, unless `embedding` says otherwise. Toolkits beside Kaldi have other paddings, slopes and norms.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.conf_effects import only
from timbre.models.layers import TDNN, BatchNorm, frame_mask, masked
from timbre.models.pooling import PoolingConf, build_pooling

LAYERS = ((5, 1), (3, 2), (3, 3), (1, 1))
"""Kernel and dilation of the frame layers before the last."""

CONTEXT = 1 + sum((kernel - 1) * dilation for kernel, dilation in LAYERS)
"""Input frames that an output frame sees: 15."""

_REACH = max((kernel - 1) * dilation // 2 for kernel, dilation in LAYERS)
"""Frames beside its own, on either side, that the widest layer sees: 3."""


class Conf(Section):
    """x-vector."""

    kind: Literal["xvector"] = "xvector"
    channels: PositiveInt = Field(512, description="channels of the frame layers")
    pooling_channels: PositiveInt = Field(1500, description="channels of the last frame layer, before the pooling")
    embedding_dim: PositiveInt = Field(512, description="values of an embedding")
    second_segment_layer: bool = Field(
        False,
        description="ReLU, BatchNorm and a further linear layer between embedding and classifier (the paper)",
    )
    embedding: Literal["first", "second"] = Field(
        "first",
        description="the linear layer whose output is the embedding (Kaldi: the first, WeSpeaker: the second)",
        json_schema_extra=only(second_segment_layer=True),
    )
    padding: Literal["none", "reflect"] = Field(
        "none",
        description="what convolutions see beyond an utterance's ends: nothing, they lose frames there; or its "
        "frames mirrored, as in SpeechBrain",
    )
    slope: float = Field(0.0, ge=0, le=1, description="of the ReLUs of frame layers below zero")
    norm_affine: bool = Field(False, description="scale and shift in the BatchNorm of frame layers")
    pooling: PoolingConf = Field(PoolingConf(), description="frames to one vector")


class Encoder(nn.Module):
    """``(B, T, input_dim)`` frames, T ≥ 15 (mirrored: 4) → ``(B, embedding_dim)`` embeddings.

    With ``second_segment_layer`` the classifier sees one layer more than what is kept as embedding: in training
    mode the output is that layer's, in evaluation mode that of ``embedding``.
    """

    def __init__(self, conf: Conf, input_dim: int) -> None:
        super().__init__()
        self.reflect, self.second = conf.padding == "reflect", conf.embedding == "second"
        self.min_frames = 1 + _REACH if self.reflect else CONTEXT
        kind = {"same": self.reflect, "affine": conf.norm_affine, "reflect": self.reflect, "slope": conf.slope}
        self.input_dim, self.embedding_dim = input_dim, conf.embedding_dim
        widths = [input_dim, *[conf.channels] * len(LAYERS)]
        self.frame_layers = nn.ModuleList(
            TDNN(inputs, outputs, kernel, dilation, **kind)
            for inputs, outputs, (kernel, dilation) in zip(widths, widths[1:], LAYERS, strict=False)
        )
        self.frame_layers.append(TDNN(conf.channels, conf.pooling_channels, **kind))
        self.pooling = build_pooling(conf.pooling, conf.pooling_channels)
        self.embedding = nn.Linear(self.pooling.output_dim, conf.embedding_dim)
        self.segment = None
        if conf.second_segment_layer:
            self.segment_norm = BatchNorm(conf.embedding_dim, affine=False)
            self.segment = nn.Linear(conf.embedding_dim, conf.embedding_dim)

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """``feats (B, T, F)``, ``lengths (B,)`` → ``(B, D)``; see :func:`timbre.models.layers.frame_mask`."""
        mask = frame_mask(feats, lengths, self.input_dim, self.min_frames)
        frames = masked(feats, mask)
        for layer in self.frame_layers:
            if mask is not None and not self.reflect:  # an output frame is real when all the frames it sees are
                mask = mask[:, layer.convolution.context :]
            frames = layer(frames, mask)
        embedding = self.embedding(self.pooling(frames, mask))
        if self.segment is None or not (self.training or self.second):
            return embedding
        return self.segment(self.segment_norm(F.relu(embedding)))
