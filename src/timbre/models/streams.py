"""Streams: what several extractors make of one utterance, from ark or from its waveform.

A stream is of frames, ``feats_<name>.scp`` (T, F), each with a length of its own, or of an utterance's vector: the
embedding by a trained model, ``vectors_<name>.scp`` (D,), or features of one row, ``feats_<name>.scp`` (1, D). A
stream whose model is fine-tuned has both: the frames that the model takes are its input, and the vectors tell how
its embeddings are distributed before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from timbre.conf import AnySection, Section, build, kind_module
from timbre.conf_effects import only
from timbre.errors import TimbreError
from timbre.features.cmvn import global_statistics, mean_and_deviation
from timbre.features.frames import gives_vectors, require_waveforms
from timbre.features.front_end import FrameReader, FrontEnd, InputConf, build_extractor
from timbre.features.published import model_sha256, read_model
from timbre.kaldi.ark_entry import ArkEntry
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.labels import read_languages
from timbre.kaldi.tables import read_vector
from timbre.models.batching import padded
from timbre.models.trained import ModelConf, TrainedModel

_ATTENTION = only(model="", pooling=("attention", "both"))


class StreamConf(Section):
    """One stream: ``features`` gives frames, ``model`` the embedding of an utterance."""

    features: AnySection | None = Field(None, description="a features section: from waveform to frames")
    model: str = Field(
        "", description="instead: a trained model (directory, final.pt, published checkpoint); its embedding"
    )
    fine_tuning: float = Field(
        0.0,
        ge=0,
        le=10,
        description="of a model: it is trained on with this share of the learning rate (0.01); 0: it is not",
    )
    resample: bool = Field(False, description="of a model: audio at another rate is resampled to that of the model")
    pooling: Literal["attention", "statistics", "both"] = Field(
        "attention",
        description="of frames: what makes a vector of them: a convolutional LSTM with attention; their mean and "
        "deviation, without a network; or both, added",
        json_schema_extra=only(model=""),
    )
    channels: int = Field(
        64,
        ge=1,
        le=100_000,
        description="of frames: channels of the two convolutions",
        json_schema_extra=_ATTENTION,
    )
    hidden: int = Field(
        128,
        ge=1,
        le=100_000,
        description="of frames: cells of the LSTM, in each direction",
        json_schema_extra=_ATTENTION,
    )
    layers: int = Field(1, ge=1, le=100, description="of frames: layers of the LSTM", json_schema_extra=_ATTENTION)

    @model_validator(mode="before")
    @classmethod
    def _build_features(cls, values: Any) -> Any:
        found = values.get("features") if isinstance(values, Mapping) else None
        if isinstance(found, Mapping):
            conf = kind_module("timbre.features", found.get("kind"), "features.kind").Conf
            values = {**values, "features": build(conf, found, "features.")}
        return values

    @model_validator(mode="after")
    def _one_of_both(self) -> StreamConf:
        if (self.features is None) == (not self.model):
            raise ValueError("a stream has either features or a model")
        if (self.fine_tuning or self.resample) and not self.model:
            raise ValueError("fine_tuning and resample are of a stream that has a model; features have their own")
        return self

    @property
    def framewise(self) -> bool:
        """Whether it is a stream of frames; else one of an utterance's vectors, ``(1, D)``."""
        return self.features is not None and not gives_vectors(self.features) and not self.pooled

    def pool(self, values: np.ndarray) -> np.ndarray:
        """Of what the features give, ``(T, F)``, the stream: the same, or its mean and deviation ``(1, 2F)``."""
        return mean_and_deviation(values)[None] if self.pooled else values

    @property
    def pooled(self) -> bool:
        """Whether the mean and deviation of the frames are the stream, an utterance's vector."""
        framed = self.features is not None and not gives_vectors(self.features)
        return framed and self.pooling == "statistics"


def usable(name: str) -> bool:
    """Whether a stream or a language may be called so: files and parts of a network are named by it."""
    return bool(re.fullmatch(r"[A-Za-z0-9_-]+", name)) and not hasattr(torch.nn.ModuleDict, name)


INPUT = InputConf(cmvn="global", norm_vars=True)
"""How streams are normalised: by mean and deviation of the utterances that are trained on."""


@dataclass(frozen=True)
class Extractor:
    """What makes a stream of waveforms: ``front_end`` its frames; ``model``, if any, a vector of them."""

    front_end: FrontEnd
    model: TrainedModel | None
    state: dict[str, Any] | None

    @classmethod
    def of(cls, conf: StreamConf, state: dict[str, Any] | None = None) -> Extractor:
        """The extractor of a conf; ``state`` is of its network, else that is read from the path in the conf."""
        if conf.features:
            features = build_extractor(conf.features, state)
            front_end = FrontEnd(conf.features, InputConf(cmvn="none"), None, state)
            return cls(front_end, None, getattr(features, "state", None))
        state = state or read_model(conf.model)
        kept = ("format", "conf", "classes", "backend", "encoder", "statistics", "extractor")
        state = {name: state[name] for name in kept if name in state}
        model = TrainedModel(state, torch.device("cpu"))
        if model.conf.input.voiced_only:
            raise TimbreError(
                f"{conf.model}: reads voiced frames only, which no stream can; take one that does not"
            )
        model.front_end.resample |= conf.resample
        return cls(model.front_end, model, state)


def stream_features(conf: StreamConf, state: dict[str, Any] | None = None) -> ModelConf:
    """What extracts the frames of a stream; of one with a model (its ``state``, if given) those that it takes."""
    if conf.features:
        require_waveforms(conf.features, "a stream cannot be made of")
        return ModelConf(features=conf.features, input=InputConf(cmvn="none"))
    found = (state or read_model(conf.model))["conf"]
    taken = build(ModelConf, {name: found[name] for name in ModelConf.model_fields})
    if conf.resample:
        resampling = taken.features.model_copy(update={"resample": True})
        taken = taken.model_copy(update={"features": resampling})
    return taken


def stream_identity(conf: StreamConf) -> dict[str, Any]:
    """What a stream's values depend on, as plain data: weights by their hash, wherever they lie."""
    if not conf.features:
        return {"model": model_sha256(read_model(conf.model))}
    extractor, found = build_extractor(conf.features), conf.features.model_dump(mode="json")
    if hasattr(extractor, "state"):
        found["model"] = model_sha256(extractor.state)
    return found


class Streams(NamedTuple):
    """A batch: of each stream ``(tensor, lengths)``, frames ``(B, T, F)`` or vectors ``(B, 1, D)``; a language."""

    values: dict[str, tuple[Tensor, Tensor]]
    language: str

    def to(self, device: torch.device) -> Streams:
        """The same on a device; lengths stay on the CPU, where they are read."""
        moved = {name: (values.to(device), lengths) for name, (values, lengths) in self.values.items()}
        return Streams(moved, self.language)


Utterance = dict[str, np.ndarray]
"""Of each stream its array (T, F); a vector is one frame (1, D)."""


def batch_of(utterances: Sequence[Utterance], language: str) -> Streams:
    """Utterances of one language as a padded batch."""
    values = {name: padded([one[name] for one in utterances]) for name in utterances[0]}
    return Streams(values, language)


KEPT = 2**29
"""Bytes of utterances, at most, that a reader keeps."""


class StreamReader:
    """The streams of a data directory's utterances, normalised by ``statistics`` where they are given.

    A fine-tuned stream gives the frames that its model takes, as that model reads them. Whole utterances are kept,
    so that another epoch need not read them, as long as they take up less than :data:`KEPT`.

    Attributes:
        languages: of each utterance its own (:func:`timbre.kaldi.labels.read_languages`).
    """

    def __init__(
        self,
        data: DataDir,
        streams: Mapping[str, StreamConf],
        statistics: Mapping[str, np.ndarray] | None = None,
        states: Mapping[str, dict[str, Any] | None] | None = None,
    ) -> None:
        """``states``: of streams with a model that model, else read from the paths in their confs."""
        self._streams, self._statistics, self._path = dict(streams), statistics, data.path
        self._frames: dict[str, FrameReader] = {}
        self._vectors: dict[str, dict[str, str]] = {}
        for name, conf in streams.items():
            if conf.features or conf.fine_tuning:
                state = None if conf.features else (states or {}).get(name) or read_model(conf.model)
                own = InputConf(cmvn="none") if state is None else stream_features(conf, state).input
                known = None if state is None else state.get("statistics")
                self._frames[name] = FrameReader(data, own, None if known is None else known.numpy(), name)
            if not conf.features:
                self._vectors[name] = data.table(f"vectors_{name}.scp")
        self._kept: dict[str, Utterance] = {}
        self._room = KEPT
        self._originals = data.originals
        self.languages = read_languages(data)
        self.utterances = list(data.utt2spk)
        for name, table in {**{n: set(r.utterances) for n, r in self._frames.items()}, **self._vectors}.items():
            if missing := [utterance for utterance in self.utterances if utterance not in table]:
                raise TimbreError(
                    f"{data.path}: stream {name} lacks '{missing[0]}' ({len(missing)} of {len(self.utterances)} "
                    "utterances); run steps/make_streams.sh (stage 1) again"
                )

    def num_frames(self, utterance: str) -> int:
        """Frames of the longest stream; 1 where all are vectors."""
        return max((reader.num_frames(utterance) for reader in self._frames.values()), default=1)

    def read(self, utterance: str, start: float = 0.0, length: int | None = None) -> Utterance:
        """The arrays of all streams.

        Args:
            length: so many frames at most of each stream of frames (None: all).
            start: where they begin, as a share of the places where they may.
        """
        if utterance in self._kept and (length is None or self.num_frames(utterance) <= length):
            return self._kept[utterance]
        found, whole = {}, True
        for name, conf in self._streams.items():
            if name in self._frames:
                reader = self._frames[name]
                total = reader.num_frames(utterance)
                whole &= length is None or total <= length
                first = 0 if length is None else round(start * max(total - length, 0))
                found[name] = conf.pool(reader.read(utterance, first, length))
            else:
                found[name] = self.vector(name, utterance)
            if self._statistics is not None and not conf.fine_tuning:
                found[name] = INPUT.normalise(found[name], self._statistics[name])
        size = sum(values.nbytes for values in found.values())
        if whole and size <= self._room:
            self._kept[utterance], self._room = found, self._room - size
        return found

    def vector(self, name: str, utterance: str) -> np.ndarray:
        """The vector of a stream, ``(1, D)``, as it was extracted."""
        scp = Path(self._path) / f"vectors_{name}.scp"
        entry = ArkEntry(utterance, self._originals.get(utterance, utterance))
        return read_vector(self._vectors[name][utterance], scp, entry)[None].astype(np.float32)

    def statistics(self, utterances: Sequence[str]) -> dict[str, np.ndarray]:
        """Mean and inverse deviation (2, F) of each stream over ``utterances``; of a model's, of its vectors."""
        return {
            name: global_statistics(
                (
                    conf.pool(self._frames[name].read(utterance)) if conf.features else self.vector(name, utterance)
                    for utterance in utterances
                ),
                norm_vars=True,
                uniform=False,
            )
            for name, conf in self._streams.items()
        }
