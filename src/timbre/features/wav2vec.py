"""wav2vec contexts as frames: what a network that was trained without labels makes of the waveform.

The model is one of ``egs/synthetic/wav2vec``, or fairseq's published one
(:mod:`timbre.features.published_wav2vec`). A norm over all of the utterance needs all of it at once: memory grows
by 0.8 MB a second with 128 channels; five minutes of the published large model took up to 2.1 GB
(:meth:`timbre.features.wav2vec_network.Network.contexts`).
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from pydantic import Field, PositiveFloat

from timbre.conf import build
from timbre.errors import AudioError, TimbreError
from timbre.features.frames import FrameConf
from timbre.features.model_file import load_weights
from timbre.features.published import read_model
from timbre.features.wav2vec_network import Network, NetworkConf


class Conf(FrameConf):
    """Contexts of a trained wav2vec; length and shift of a frame are the model's."""

    kind: Literal["wav2vec"] = "wav2vec"
    model: str = Field("", description="its directory, its final.pt, or a published checkpoint, by path")
    frame_length: PositiveFloat = Field(
        29.0625, description="ms that a latent sees; only voice activity depends on it"
    )


class Extractor:
    """``(N,)`` samples in [-1, 1) → ``(T, D)`` float32, T = ⌊(N − reach) / hop⌋ + 1 (465 and 160 as published).

    Attributes:
        state: the model, as training writes it into ``final.pt``.
    """

    def __init__(self, conf: Conf, state: dict[str, Any] | None = None) -> None:
        """Args:
            state: the model, in the place of the one that ``conf.model`` names.

        Raises:
            TimbreError: for a model that is no wav2vec, or of waveforms at another rate or shift.
        """
        if state is None:
            if not conf.model:
                raise TimbreError("features.model is empty: name the model whose contexts are the frames")
            state = read_model(conf.model)
        self.conf, self.state = conf, state
        sizes, trained = state["conf"]["encoder"], state["conf"]
        name = conf.model or "the model of the features"
        if sizes["kind"] != "wav2vec" or trained["features"]["kind"] != "raw" or trained["input"]["cmvn"] != "none":
            raise TimbreError(
                f"{name}: features.kind wav2vec runs encoders wav2vec of raw frames with input.cmvn none; this is "
                f"{sizes['kind']} of {trained['features']['kind']} with {trained['input']['cmvn']}"
            )
        if conf.sample_rate != trained["features"]["sample_rate"]:
            raise TimbreError(
                f"{name}: trained at {trained['features']['sample_rate']} Hz, and features.sample_rate is "
                f"{conf.sample_rate}; set it to that, with features.resample for other audio"
            )
        network = build(NetworkConf, {key: sizes[key] for key in NetworkConf.model_fields})
        if conf.frame_shift * conf.sample_rate != 1000 * network.hop:
            raise TimbreError(
                f"{name}: a frame each {network.hop} samples; set features.frame_shift to "
                f"{1000 * network.hop / conf.sample_rate:g} ms"
            )
        self.dim = network.context_channels
        self._network = Network(network).eval().requires_grad_(False)
        weights = {key.removeprefix("network."): value for key, value in state["encoder"].items()}
        load_weights(self._network, weights, f"{name}: encoder")

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        reach = self._network.conf.reach
        if len(samples) < reach:
            raise AudioError(f"{len(samples)} samples, fewer than the {reach} of which wav2vec makes a frame")
        return self._network.contexts(samples)
