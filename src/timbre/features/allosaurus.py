"""Logits of phones by a trained universal phone recogniser (Li et al. 2020, arXiv 2002.11800), frame by frame.

The model is one of :mod:`timbre.models.allosaurus`, or a published one. Its own front-end makes the frames that its
network sees; a model that joins three of them gives one row in 30 ms.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from pydantic import Field, PositiveInt

from timbre.conf import build, kind_module
from timbre.errors import TimbreError
from timbre.features.allosaurus_network import Network
from timbre.features.frames import FrameConf, require_waveforms
from timbre.features.front_end import FrontEnd, InputConf
from timbre.features.model_file import load_weights
from timbre.features.published import read_model
from timbre.kaldi.audio import resample

KIND = "allosaurus"


class Conf(FrameConf):
    """Which recogniser."""

    kind: Literal["allosaurus"] = "allosaurus"
    model: str = Field("", description="a model directory, its final.pt, or a published checkpoint")
    sample_rate: PositiveInt = Field(16000, description="Hz; brought to the model's where that is another")


class Extractor:
    """``(N,)`` samples in [-1, 1) → logits ``(T', 1 + P)`` float32, the blank first, on the CPU.

    Memory grows with the frames alone: five minutes take 0.25 GB with six layers of 320 and three frames joined.

    Attributes:
        dim: 1 + P.
        state: the model, plain data as in ``final.pt``.
    """

    def __init__(self, conf: Conf, state: dict[str, Any] | None = None) -> None:
        self.conf = conf
        self.state = read_model(conf.model) if state is None else state
        own = self.state["conf"]
        if own["encoder"]["kind"] != KIND:
            raise TimbreError(f"features.model {conf.model}: its encoder is {own['encoder']['kind']}, not {KIND}")
        encoder = own["encoder"]
        features = build(kind_module("timbre.features", own["features"]["kind"]).Conf, own["features"])
        self._front_end = FrontEnd(
            require_waveforms(features, f"features.model {conf.model}: it was trained on"),
            build(InputConf, own["input"]),
            statistics.numpy() if (statistics := self.state.get("statistics")) is not None else None,
            self.state.get("extractor"),
        )
        self.dim = 1 + len(encoder["phones"])
        sizes = encoder["layers"], encoder["hidden"], len(encoder["phones"]), encoder["stack"]
        self._network = Network(self._front_end.dim, *sizes).eval()
        prefix = "network."
        weights = {name.removeprefix(prefix): w for name, w in self.state["encoder"].items()}
        load_weights(self._network, weights, f"features.model {conf.model}: encoder")

    @torch.inference_mode()
    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        samples = resample(samples.numpy(), self.conf.sample_rate, self._front_end.sample_rate)
        frames = torch.from_numpy(self._front_end(samples))
        return self._network(frames[None], torch.tensor([len(frames)]))[0][0]
