"""Classifiers that need no training of ours: what a trained model must beat.

A baseline is a function from :class:`Parts` to probabilities, and a row of :data:`BASELINES`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.labels import read_labels
from timbre.scoring.lda import class_means
from timbre.scoring.posteriors import Posteriors
from timbre.scoring.statistics import read_standardised


@dataclass(frozen=True)
class Parts:
    """What baselines may see: the labelled training part, and the utterances to classify.

    Perturbed copies of the training part are left out; they are for models that learn from many epochs.
    """

    train: DataDir
    data: DataDir
    labels: str = "utt2spk"

    @cached_property
    def _labels(self) -> dict[str, str]:
        originals = self.train.table("utt2uniq") if self.train.has("utt2uniq") else {}
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
        found = read_standardised(self.train.path, self.data.path)
        return tuple(
            _rows(*pair, wanted, directory)
            for pair, wanted, directory in zip(
                found, (self._labels, self.utterances), (self.train, self.data), strict=True
            )
        )


def _rows(keys: list[str], vectors: np.ndarray, wanted: list[str] | dict, directory: DataDir) -> np.ndarray:
    """The vectors of some utterances, in float64."""
    place = {key: row for row, key in enumerate(keys)}
    if missing := [utterance for utterance in wanted if utterance not in place]:
        raise TimbreError(
            f"{directory.path}/feats.scp: lacks {len(missing)} utterances ({some(missing, 3)}); run "
            "steps/make_feats.sh (stage 1)"
        )
    return vectors[[place[utterance] for utterance in wanted]].astype(np.float64)


def majority(parts: Parts) -> np.ndarray:
    """The shares of the classes in the training part, for every utterance, (N, C)."""
    counts = np.bincount(parts.targets)
    return np.tile(counts / counts.sum(), (len(parts.utterances), 1))


def statistics_lda(parts: Parts) -> np.ndarray:
    """Linear discriminant analysis of the statistics of the frames, (N, C).

    The classes are normal with one covariance, that of the offsets from the classes' means, shrunk as Ledoit and
    Wolf (2004) have it. scikit-learn's own ``shrinkage="auto"`` shrinks the covariance of each class apart, which
    of two utterances a class leaves nothing.

    Raises:
        TimbreError: for a single class, and where no class has two utterances.
    """
    from sklearn.covariance import ledoit_wolf_shrinkage
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    (train, vectors), targets = parts.statistics, parts.targets
    if not 1 < len(parts.classes) < len(targets):
        raise TimbreError(
            f"{parts.train.path}: {len(targets)} utterances of {len(parts.classes)} classes by {parts.labels}; LDA "
            "needs two classes, and two utterances of one of them"
        )
    means, _ = class_means(train, targets)
    shrinkage = ledoit_wolf_shrinkage(train - means[targets], assume_centered=True)
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage)
    with warnings.catch_warnings():  # a class of one utterance has no offsets, and none are missed
        warnings.filterwarnings("ignore", "Only one sample available")
        return model.fit(train, targets).predict_proba(vectors)


@dataclass(frozen=True)
class Baseline:
    """What a baseline is called in tables, and how it predicts."""

    title: str
    predict: Callable[[Parts], np.ndarray]


BASELINES = {
    "majority": Baseline("majority", majority),
    "statistics_lda": Baseline("LDA of statistics", statistics_lda),
}


def predict_baselines(
    train: str | Path, data: str | Path, out: str | Path, labels: str = "utt2spk"
) -> Iterator[str]:
    """Writes the posteriors of each baseline to ``out/<kind>``; yields a line for each."""
    parts = Parts(DataDir(train), DataDir(data), labels)
    for kind, baseline in BASELINES.items():
        folder = Path(out) / kind
        probabilities = baseline.predict(parts).astype(np.float32)
        Posteriors(parts.utterances, parts.classes, probabilities, str(folder)).write(folder)
        count = f"{len(parts.utterances)} utterances, {len(parts.classes)} classes"
        yield f"{folder}: {baseline.title}, {count}"
