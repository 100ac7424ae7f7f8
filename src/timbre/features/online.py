"""Frames computed from waveforms when they are asked for, in the place of those read from ark."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from timbre.conf import Section
from timbre.errors import AudioError, TimbreError
from timbre.features.frames import utterance_seed
from timbre.features.front_end import FrontEnd, InputConf, crop_rows
from timbre.kaldi.wave_reader import WaveReader

Augment = Callable[[str, np.ndarray, np.random.Generator], np.ndarray]
"""``(utterance, samples (N,), rng) -> (N,)``."""


class OnlineFrames:
    """What :class:`timbre.features.front_end.FrameReader` gives of the same utterances, without an ark.

    A crop is cut from the frames of the whole utterance, so it is the one that would be read from ark: the same
    normalisation, the same voiced frames. With ``augment`` the whole waveform is changed first, anew for each crop;
    dither is new for each crop too, and for a whole utterance that which it has in an ark.
    """

    def __init__(
        self,
        waves: WaveReader,
        features: Section,
        conf: InputConf,
        statistics: np.ndarray | None = None,
        augment: Augment | None = None,
    ) -> None:
        """``statistics``: (2, F) of the training part, for ``cmvn: global`` (:meth:`InputConf.normalise`)."""
        self._waves, self._front_end, self._augment = waves, FrontEnd(features, conf, statistics), augment
        self._dithers = bool(getattr(features, "dither", 0))
        self._lengths: dict[str, int] = {}
        self.utterances = waves.utterances

    def num_frames(self, utterance: str) -> int:
        """Frames of the whole utterance; they have to be computed to be counted, once."""
        if utterance not in self._lengths:
            self.read(utterance)
        return self._lengths[utterance]

    def read(self, utterance: str, start: int = 0, length: int | None = None) -> np.ndarray:
        """Frames ``start : start + length`` (the whole utterance by default), ``(T, F)``, never augmented."""
        frames = self._frames(utterance, self._samples(utterance), utterance_seed(utterance))
        self._lengths[utterance] = len(frames)
        return frames[start : None if length is None else start + length]

    def crop(self, utterance: str, length: int, rng: np.random.Generator) -> np.ndarray:
        """``(length, F)`` from a random place of the waveform, augmented if so built."""
        samples = self._samples(utterance)
        if self._augment is not None:
            samples = self._augment(utterance, samples, rng.spawn(1)[0])  # draws nothing from rng: the place stays
        seed = int(rng.spawn(1)[0].integers(1 << 63)) if self._dithers else 0
        frames = self._frames(utterance, samples, seed)
        return frames[crop_rows(len(frames), length, rng)]

    def _samples(self, utterance: str) -> np.ndarray:
        try:
            return self._waves.read(utterance)
        except AudioError as error:
            source = self._waves.source
            raise AudioError(
                f"{error}; mend it, or to train without it take its line out of {source} and run: "
                f"utils/fix_data_dir.sh {source.parent}"
            ) from None

    def _frames(self, utterance: str, samples: np.ndarray, seed: int) -> np.ndarray:
        try:
            frames = self._front_end(samples, seed)
        except TimbreError as error:
            raise TimbreError(f"{utterance}: {error}") from None
        if len(frames) == 0 or not np.isfinite(frames).all():
            raise TimbreError(f"{utterance}: {len(frames)} frames, or not all of them finite; look at its audio")
        return frames
