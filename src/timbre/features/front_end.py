"""From a waveform, or from what was extracted of it, to the frames that an encoder sees."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, PositiveInt

from timbre.conf import Section, kind_module
from timbre.conf_effects import only
from timbre.errors import AudioError, TimbreError, named
from timbre.features.cmvn import sliding_cmvn
from timbre.features.frames import FrameConf, dithering
from timbre.features.vad import VadConf, VoiceActivity
from timbre.kaldi.ark_entry import ArkEntry
from timbre.kaldi.audio import resample
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.tables import read_matrix, read_vector
from timbre.kaldi.waveform import Waveform

ALONE = (
    "this model takes features that are normalised by speaker, and one recording does not tell what is normal for "
    "its speaker; make a data directory of all that the speaker says (docs/own_data.md) with its features by the "
    "model's conf (steps/make_feats.sh --conf <model>/conf.yaml), and classify that (steps/predict.sh)"
)
"""Why such a model takes no audio."""


class InputConf(Section):
    """How extracted frames are read: normalised first, voiced frames selected after, as in Kaldi."""

    cmvn: Literal["none", "utterance", "sliding", "global", "speaker"] = Field(
        "utterance",
        description="over what frames are normalised; global: over all utterances that are trained on; speaker: "
        "over all of a speaker, mean and deviation, where features are made (run.sh --normalise speaker)",
    )
    window: PositiveInt = Field(
        300, description="frames of the sliding window, centred", json_schema_extra=only(cmvn="sliding")
    )
    norm_vars: bool = Field(
        False,
        description="normalise the variance too",
        json_schema_extra=only(cmvn=("utterance", "sliding", "global")),
    )
    voiced_only: bool = Field(False, description="keep voiced frames only")
    vad: VadConf = Field(VadConf(), description="how voiced frames are found")

    @property
    def reach(self) -> int | None:
        """Frames around a frame that its normalisation looks at; ``None`` for all of the utterance's."""
        return {"utterance": None, "sliding": self.window}.get(self.cmvn, 0)

    def checked(self, statistics: np.ndarray | None) -> np.ndarray | None:
        """The training part's ``statistics`` (2, F), which ``cmvn: global`` cannot do without."""
        if self.cmvn == "global" and statistics is None:
            raise TimbreError(
                "input.cmvn global: mean and deviation of the training part are not known; training with it "
                "(steps/train_encoder.sh) writes them into final.pt"
            )
        return statistics

    def normalise(self, frames: np.ndarray, statistics: np.ndarray | None = None) -> np.ndarray:
        """``(T, F)`` → ``(T, F)`` float32.

        Args:
            statistics: mean and inverse deviation (2, F) of the training part
                (:func:`timbre.features.cmvn.global_statistics`), for ``cmvn: global``.
        """
        if self.cmvn in ("none", "speaker"):  # by speaker they are in the ark
            return frames
        if self.cmvn == "global":
            mean, scale = statistics
            return (frames - mean) * scale
        return sliding_cmvn(frames, self.window if self.cmvn == "sliding" else None, self.norm_vars)


def build_extractor(conf: Section, state: dict[str, Any] | None = None):
    """The extractor of a ``features`` section: a callable ``(N,)`` samples → ``(T, F)`` frames.

    One that runs a trained network has ``state``, its model (:func:`timbre.features.published.read_model`); it is
    taken from the argument where given, else read from the conf's ``model``.
    """
    kind = kind_module("timbre.features", conf.kind).Extractor
    return kind(conf) if state is None else kind(conf, state)


def is_uniform(conf: Section) -> bool:
    """Whether all dimensions of a frame are of one kind, as samples are (``uniform`` of the extractor, or not)."""
    return getattr(build_extractor(conf), "uniform", False)


class FrontEnd:
    """``(N,)`` samples float32 in [-1, 1) → ``(T, F)`` frames for an encoder, exactly as read from ark.

    Attributes:
        sample_rate: in Hz; ``None`` where no waveform leads to the frames.
        resample: whether audio at another rate may be resampled.
        dim: F.
    """

    def __init__(
        self,
        features: Section,
        conf: InputConf,
        statistics: np.ndarray | None = None,
        state: dict[str, Any] | None = None,
    ) -> None:
        """Args:
        statistics: (2, F) of the training part, for ``cmvn: global`` (:meth:`InputConf.normalise`).
        state: of the network that extracts the frames, if one does (:func:`build_extractor`).
        """
        waves = features if isinstance(features, FrameConf) else None
        self.sample_rate = waves.sample_rate if waves else None
        self.resample = bool(waves and waves.resample)
        self._features, self._extract = features, build_extractor(features, state)
        self._conf, self._statistics = conf, conf.checked(statistics)
        self._detect = VoiceActivity(conf.vad, features) if conf.voiced_only else None
        self.dim = self._extract.dim

    def of_audio(self, audio: Waveform) -> np.ndarray:
        """A waveform at any rate → frames ``(T, F)``.

        Raises:
            AudioError: for another rate than that of training, where it may not be resampled.
        """
        wanted = self.sample_rate
        if audio.rate != wanted and not (self.resample or audio.resample):
            raise AudioError(
                f"{audio.name}: {audio.rate} Hz; this model was trained at {wanted} Hz: resample it first "
                f"(timbre.kaldi.audio.resample), or give it as a Waveform with resample=True"
            )
        samples = resample(np.asarray(audio.samples, dtype=np.float32), audio.rate, wanted)
        with named(audio.name, TimbreError):
            return self(samples)

    def __call__(self, samples: np.ndarray, seed: int = 0) -> np.ndarray:
        """``seed``: of the dither, if the conf has any; by default the same for all audio."""
        if self._conf.cmvn == "speaker":
            raise TimbreError(ALONE)
        wave = torch.from_numpy(samples)
        with dithering(self._features, seed):
            extracted = self._extract(wave).numpy()
        frames = self._conf.normalise(extracted, self._statistics)
        if self._detect is None:
            return frames
        with dithering(self._features, seed):  # from the beginning, as where the two are computed apart
            keep = np.flatnonzero(self._detect(wave))
        keep = keep[keep < len(frames)]  # extractors count the frames at the end differently
        if len(keep) == 0:
            raise TimbreError("no voiced frame")
        return frames[keep]


def crop_rows(total: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """The rows ``(length,)`` of a random crop of ``total`` frames; fewer are repeated from a random one on."""
    if total >= length:
        return rng.integers(total - length + 1) + np.arange(length)
    return (rng.integers(total) + np.arange(length)) % total


class FrameReader:
    """The frames of a data directory's utterances as an encoder sees them, whole or by ranges, from ark.

    A range is normalised by its utterance (or its sliding window there), not by itself: what training
    crops see is what a whole utterance shows at the same place. An ark that holds something else there than when
    ``feats.scp`` was written is refused (:mod:`timbre.kaldi.ark_entry`).
    """

    def __init__(
        self, data: DataDir, conf: InputConf, statistics: np.ndarray | None = None, stream: str = ""
    ) -> None:
        """Args:
        statistics: (2, F) of the training part, for ``cmvn: global`` (:meth:`InputConf.normalise`).
        stream: of ``feats_<stream>.scp`` and ``utt2num_frames_<stream>``; without one ``feats.scp``.
        """
        feats, counts = (f"{name}{'_' if stream else ''}{stream}" for name in ("feats", "utt2num_frames"))
        self._conf, self._statistics = conf, conf.checked(statistics)
        self._scp = data.path / f"{feats}.scp"
        self._rxfiles = data.table(self._scp.name)
        self._vad = data.table("vad.scp") if conf.voiced_only else None
        self._frames = data.numbers(counts)
        self._vad_scp = data.path / "vad.scp"
        self._originals = data.originals
        self._means: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.utterances = list(self._rxfiles)
        if missing := [utterance for utterance in self.utterances if utterance not in self._frames]:
            raise TimbreError(f"{data.path}/{counts}: '{missing[0]}' of {self._scp.name} is not in it")

    def num_frames(self, utterance: str) -> int:
        """Frames that :meth:`read` gives for the whole utterance."""
        return self._frames[utterance] if self._vad is None else len(self._voiced(utterance))

    def read(self, utterance: str, start: int = 0, length: int | None = None) -> np.ndarray:
        """Frames ``start : start + length`` (the whole utterance by default), ``(T, F)`` float32."""
        total = self._frames[utterance]
        keep = np.arange(total) if self._vad is None else self._voiced(utterance)
        keep = keep[start : None if length is None else start + length]
        if len(keep) == 0:
            raise TimbreError(f"{utterance}: no voiced frame in it; was vad.scp made with another threshold?")
        first, last = int(keep[0]), int(keep[-1]) + 1
        if self._conf.cmvn == "utterance":
            mean, scale = self._of_utterance(utterance)
            frames = (self._rows(utterance, first, last) - mean) * scale
            return frames[keep - first]
        before = max(first - self._conf.reach, 0)
        frames = self._conf.normalise(self._rows(utterance, before, last + self._conf.reach), self._statistics)
        return frames[keep - before]

    def crop(self, utterance: str, length: int, rng: np.random.Generator) -> np.ndarray:
        """``(length, F)`` from a random place (:func:`crop_rows`)."""
        total = self.num_frames(utterance)
        rows = crop_rows(total, length, rng)
        return self.read(utterance, int(rows[0]), length) if total >= length else self.read(utterance)[rows]

    def _rows(self, utterance: str, first: int, last: int) -> np.ndarray:
        entry = self._entry(utterance, self._frames[utterance])
        try:
            return read_matrix(self._rxfiles[utterance], first, last, self._scp, entry)
        except TimbreError as error:
            said = str(error)
            raise TimbreError(said if said.startswith(f"{utterance}: ") else f"{utterance}: {said}") from None

    def _entry(self, utterance: str, rows: int | None = None) -> ArkEntry:
        return ArkEntry(utterance, self._originals.get(utterance, utterance), rows)

    def _voiced(self, utterance: str) -> np.ndarray:
        if utterance not in self._vad:
            raise TimbreError(f"{self._vad_scp}: no '{utterance}'; run steps/make_feats.sh again")
        voiced = np.flatnonzero(read_vector(self._vad[utterance], self._vad_scp, self._entry(utterance)))
        return voiced[voiced < self._frames[utterance]]

    def _of_utterance(self, utterance: str) -> tuple[np.ndarray, np.ndarray]:
        """The whole utterance's mean and inverse standard deviation, read once and kept: (F,) and (F,)."""
        if utterance not in self._means:
            frames = self._rows(utterance, 0, self._frames[utterance])
            mean = frames.mean(axis=0, dtype=np.float64)
            scale = np.ones_like(mean)
            if self._conf.norm_vars:
                scale = 1 / np.sqrt(np.maximum((frames.astype(np.float64) ** 2).mean(axis=0) - mean**2, 1e-10))
            self._means[utterance] = mean.astype(np.float32), scale.astype(np.float32)
        return self._means[utterance]
