"""What baselines may see: labels, numbers and statistics of utterances to learn from, and of those to classify."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.labels import read_labels
from timbre.scoring.statistics import read_pooled, read_standardised, standardised


@dataclass(frozen=True)
class Parts:
    """What baselines may see: the labelled training part, and the utterances to classify.

    Perturbed copies of the training part are left out; they are for models that learn from many epochs. ``vectors``
    are those that are known of frames (:func:`timbre.scoring.statistics.read_pooled`). ``functionals_of`` and
    ``streams_of`` are data directories that have the utterances of both parts, with functionals and with streams.
    """

    train: DataDir
    data: DataDir
    labels: str = "utt2spk"
    vectors: dict[str, np.ndarray] = field(default_factory=dict)
    functionals_of: DataDir | None = None
    streams_of: DataDir | None = None

    @cached_property
    def _labels(self) -> dict[str, str]:
        originals = self.train.originals
        labels = read_labels(self.train, self.labels)
        return {utt: label for utt, label in labels.items() if originals.get(utt, utt) == utt}

    @cached_property
    def classes(self) -> list[str]:
        """The C classes of the training part, in order."""
        return sorted(set(self._labels.values()))

    @cached_property
    def targets(self) -> np.ndarray:
        """The number (M,) of the class of each training utterance."""
        return np.unique(list(self._labels.values()), return_inverse=True)[1]

    @cached_property
    def utterances(self) -> list[str]:
        """The N utterances to classify."""
        return list(self.data.utt2spk)

    @cached_property
    def statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Standardised means and deviations of frames: (M, 2F) of training utterances, (N, 2F) of the others."""
        found = read_standardised(self.train.path, self.data.path, self.vectors)
        return tuple(
            _rows(*pair, wanted, directory)
            for pair, wanted, directory in zip(
                found, (self._labels, self.utterances), (self.train, self.data), strict=True
            )
        )

    @cached_property
    def functionals(self) -> tuple[np.ndarray, np.ndarray]:
        """Standardised functionals: (M, D) of training utterances, (N, D) of the others."""
        if self.functionals_of is None:
            raise TimbreError(
                "baselines of functionals need --functionals DIR, a data directory of the same utterances whose "
                "features are of kind functionals (steps/make_feats.sh)"
            )
        return self._standardised(self.functionals_of, "feats.scp")

    @cached_property
    def streams(self) -> tuple[np.ndarray, np.ndarray]:
        """Standardised statistics of streams of frames, and vectors, side by side: (M, D) and (N, D)."""
        if self.streams_of is None:
            raise TimbreError(
                "baselines of streams need --streams DIR, a data directory of the same utterances with streams "
                "(steps/make_streams.sh)"
            )
        tables = stream_tables(self.streams_of)
        if not tables:
            raise TimbreError(f"{self.streams_of.path}: no streams; steps/make_streams.sh (stage 1) makes them")
        pairs = [self._standardised(self.streams_of, name) for name in tables]
        return tuple(np.hstack(part) for part in zip(*pairs, strict=True))

    def _standardised(self, directory: DataDir, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Of a table of ``directory`` the vectors of the training utterances, and of the others."""
        parts = (self._labels, self.utterances)
        return standardised(
            *(read_pooled(directory.path, part, self.vectors, name).astype(np.float64) for part in parts)
        )

    @property
    def both(self) -> tuple[np.ndarray, np.ndarray]:
        """:attr:`statistics` and :attr:`functionals`, side by side."""
        return tuple(np.hstack(pair) for pair in zip(self.statistics, self.functionals, strict=True))

    @cached_property
    def training_speakers(self) -> list[str]:
        """The speaker of each of the M training utterances."""
        return [self.train.utt2spk[utterance] for utterance in self._labels]

    @cached_property
    def speakers(self) -> np.ndarray:
        """The number (M,) of the speaker of each training utterance."""
        return np.unique(self.training_speakers, return_inverse=True)[1]

    def numbers(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of a table: (M, 1) of training utterances, (N, 1) of the others."""
        return _numbers(self.train, name, self._labels), _numbers(self.data, name, self.utterances)


def stream_tables(data: DataDir) -> list[str]:
    """The tables of a data directory's streams: ``feats_<name>.scp``, then ``vectors_<name>.scp``.

    A stream with a model has the frames that it takes beside its vectors; they are no stream.
    """
    tables = sorted(path.name for path in data.path.glob("*_*.scp"))
    vectors = [name for name in tables if name.startswith("vectors_")]
    frames = [
        name for name in tables if name.startswith("feats_") and name.replace("feats", "vectors", 1) not in vectors
    ]
    return frames + vectors


def _rows(keys: list[str], vectors: np.ndarray, wanted: list[str] | dict, directory: DataDir) -> np.ndarray:
    """The vectors of some utterances, in float64."""
    place = {key: row for row, key in enumerate(keys)}
    if missing := [utterance for utterance in wanted if utterance not in place]:
        raise TimbreError(
            f"{directory.path}/feats.scp: lacks {len(missing)} utterances ({some(missing, 3)}); run "
            "steps/make_feats.sh (stage 1)"
        )
    return vectors[[place[utterance] for utterance in wanted]].astype(np.float64)


def _numbers(directory: DataDir, name: str, utterances: Iterable[str]) -> np.ndarray:
    """The numbers (N, 1) of utterances in a table."""
    table, utterances = directory.numbers(name), list(utterances)
    if missing := [utterance for utterance in utterances if utterance not in table]:
        raise TimbreError(
            f"{directory.path}/{name}: lacks {len(missing)} utterances ({some(missing, 3)}); run "
            "steps/make_feats.sh (stage 1)"
        )
    return np.array([table[utterance] for utterance in utterances], dtype=np.float64)[:, None]
