"""A trained model as its users have it: one file, and audio in, embeddings out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from timbre.conf import AnySection, Section, build, plugin
from timbre.conf_effects import only
from timbre.errors import AudioError, TimbreError, doing
from timbre.features.frames import require_waveforms
from timbre.features.front_end import FrontEnd, InputConf
from timbre.features.front_end_file import require_front_end
from timbre.features.model_file import load_weights, of_model
from timbre.features.published import model_sha256, read_model
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.waveform import Audio, Waveform, waveform
from timbre.models import build_encoder
from timbre.models.batching import length_batches, padded
from timbre.models.inference import prepare_for_inference
from timbre.models.memory import require_memory
from timbre.models.sizes import require_stored

_NO_FUSION = only(task=("verification", "classification", "self_supervised", "phones"))  # streams have their own


class ModelConf(Section):
    """What turns a waveform into an embedding."""

    features: AnySection = plugin(
        "timbre.features", "fbank", "from waveform to frames (written to ark)", _NO_FUSION
    )
    input: InputConf = Field(InputConf(), description="how frames are read: normalisation, voiced frames")
    encoder: AnySection = plugin("timbre.models", "xvector", "from frames to embedding", _NO_FUSION)


TOGETHER = 256
"""Recordings whose frames :meth:`TrainedModel.embed_many` holds at a time."""


def resolve_device(device: str) -> torch.device:
    """``auto``: a GPU when there is one; ``cuda`` without one is refused."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise TimbreError(f"--device {device}: no GPU that torch can use here; take --device cpu")
    return torch.device(device)


class TrainedModel:
    """Front-end and encoder of a trained model, in evaluation mode.

    Attributes:
        classes: the training classes (speakers), in the order of the classifier's rows.
        statistics: of ``input.cmvn: global``, mean and inverse deviation (2, F) of the frames trained on.
        backend: ``mean`` (D,) of training embeddings; where held-out speakers were kept also ``threshold``
            (on the cosine of mean-subtracted embeddings) and ``calibration`` (scale and offset of a log-likelihood
            ratio).
        network: from ``feats (B, T, F)``, ``lengths (B,)`` to what ``output`` names: here the encoder.
    """

    output = "embedding"

    def __init__(self, state: dict[str, Any], device: torch.device) -> None:
        self.conf = build(ModelConf, {key: state["conf"][key] for key in ModelConf.model_fields})
        self.classes: list[str] = state["classes"]
        self.backend: dict[str, Any] = state["backend"]
        statistics = state.get("statistics")
        self.statistics: np.ndarray | None = None if statistics is None else statistics.numpy()
        self._extractor = state.get("extractor")
        self._state = state
        self.front_end = FrontEnd(self.conf.features, self.conf.input, self.statistics, state.get("extractor"))
        self.device = device
        if statistics is not None and statistics.shape[1] != (dim := self.front_end.dim):
            raise TimbreError(f"statistics of {statistics.shape[1]} values, and frames have {dim}")
        require_stored(self.conf.encoder, self.front_end.dim, state["encoder"])
        self.encoder = build_encoder(self.conf.encoder, self.front_end.dim)
        load_weights(self.encoder, state["encoder"], "encoder")
        mean, dim = self.backend.get("mean"), self.encoder.embedding_dim
        if mean is not None and len(mean) != dim:
            raise TimbreError(f"backend.mean of {len(mean)} values, and embeddings have {dim}")
        self.encoder.to(device).eval()
        self.network: torch.nn.Module = self.encoder

    @cached_property
    def _prepared(self) -> torch.nn.Module:
        return prepare_for_inference(self.encoder)

    @classmethod
    def load(cls, path: str | Path, device: str = "cpu") -> TrainedModel:
        """Reads ``<path>/final.pt`` (or the file itself), as data only (``weights_only``)."""
        with of_model(path):
            return cls(read_model(path), resolve_device(device))

    def require_features(self, data: DataDir, trusted: bool = False) -> None:
        """Refuses a data directory whose features another front-end has made (:func:`require_front_end`)."""
        require_front_end(data, self.conf.features, self.conf.input, trusted, self._extractor)

    @property
    def sample_rates(self) -> set[tuple[int | None, bool]]:
        """In Hz, that of the front-end, ``None`` where no waveform leads to the frames; whether it may resample."""
        return {(self.front_end.sample_rate, self.front_end.resample)}

    def frames(self, audio: Waveform) -> np.ndarray:
        """A waveform → frames ``(T, F)``."""
        return self.front_end.of_audio(audio)

    def waveform(self, source: Audio, rate: int | None = None) -> Waveform:
        """An audio file, samples ``(N,)`` in [-1, 1) at ``rate`` Hz, or a waveform, if this model takes any."""
        name = str(source) if isinstance(source, str | Path) else getattr(source, "name", "samples")
        require_waveforms(self.conf.features, f"{name}: this model was trained on")
        return waveform(source, rate)

    def embed(self, source: Audio, rate: int | None = None) -> np.ndarray:
        """The embedding ``(D,)`` of an audio file, of samples ``(N,)`` at ``rate`` Hz, or of a waveform."""
        audio = self.waveform(source, rate)
        with doing(audio.name):
            return self.embed_frames([self.frames(audio)], [audio.name])[0]

    def embed_many(self, sources: Iterable[Audio], rate: int | None = None) -> np.ndarray:
        """Embeddings ``(N, D)`` of audio files, samples at ``rate`` Hz or waveforms, in batches of like lengths."""
        found: list[np.ndarray] = []
        waiting = iter(sources)
        while some := list(islice(waiting, TOGETHER)):
            audio = [self.waveform(source, rate) for source in some]
            frames = []
            for each in audio:
                with doing(each.name):
                    frames.append(self.frames(each))
            rows = np.empty((len(frames), self.encoder.embedding_dim), dtype=np.float32)
            for batch in self.batches([len(each) for each in frames]):
                rows[batch] = self.embed_frames([frames[k] for k in batch], [audio[k].name for k in batch])
            found.append(rows)
        return np.concatenate(found) if found else np.empty((0, self.encoder.embedding_dim), dtype=np.float32)

    @cached_property
    def sha256(self) -> str:
        """What its embeddings depend on, as :func:`timbre.features.published.model_sha256` counts it."""
        return model_sha256(self._state)

    def embed_frames(self, frames: Sequence[np.ndarray], names: Sequence[str]) -> np.ndarray:
        """Embeddings ``(N, D)`` of ``N`` arrays ``(T, F)``, in one padded batch; ``names`` for messages."""
        batch, lengths = padded(frames)
        shortest = int(lengths.argmin())
        if lengths[shortest] < self.encoder.min_frames:
            raise AudioError(
                f"{names[shortest]}: {int(lengths[shortest])} frames, the encoder needs {self.encoder.min_frames}"
            )
        longest = names[int(lengths.argmax())]
        require_memory(self.encoder, batch.shape, longest, getattr(self.conf.features, "frame_shift", None))
        with torch.inference_mode():
            embeddings = self._prepared(batch.to(self.device), lengths).float().cpu().numpy()
        if not np.isfinite(embeddings).all():
            bad = int(np.flatnonzero(~np.isfinite(embeddings).all(axis=1))[0])
            raise TimbreError(f"{names[bad]}: an embedding that is not finite")
        return embeddings

    def facts(self) -> dict[str, Any]:
        """What is to be known after the output, as plain data."""
        after = {key: self.backend.get(key) for key in ("threshold", "calibration")}
        return {"classes": len(self.classes), "mean": self.backend["mean"].tolist(), **after}

    def batches(self, lengths: Sequence[int]) -> list[np.ndarray]:
        """How to batch utterances of these lengths (frames): index arrays, together all of them."""
        return length_batches(np.asarray(lengths), device=self.device.type)


def cpu_state(module: torch.nn.Module) -> dict[str, Tensor]:
    """A copy of a module's state on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}
