"""Classifiers that need no training of ours: what a trained model must beat.

The shares of the classes, what is said of an utterance by one number (its length, its level), and classical
classifiers of the means and deviations of its frames, of its functionals, and of both. Of some corpora the first
ones say more than a network does: who reads the same words sadly reads them slowly.

A baseline is a function from :class:`~timbre.scoring.baseline_parts.Parts` to probabilities, and a row of
:data:`BASELINES`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy

from timbre.errors import TimbreError, did_you_mean
from timbre.kaldi.datadir import DataDir
from timbre.scoring.baseline_parts import Parts
from timbre.scoring.lda import class_means
from timbre.scoring.posteriors import Posteriors, joined
from timbre.scoring.regression import softmax_regression

COSTS = [0.1, 1.0, 10.0, 100.0]
"""The C of a support vector machine that are tried, which weigh its errors."""


def majority(parts: Parts) -> np.ndarray:
    """The shares of the classes in the training part, for every utterance, (N, C)."""
    counts = np.bincount(parts.targets)
    return np.tile(counts / counts.sum(), (len(parts.utterances), 1))


def speaker(parts: Parts) -> np.ndarray:
    """The shares of the classes in the speaker's training utterances, (N, C); of an unknown one :func:`majority`.

    Of a speaker-dependent split it is what the voice alone gives away; of any other it is the majority.
    """
    known, number = np.unique(parts.training_speakers, return_inverse=True)
    counts = np.zeros((len(known) + 1, len(parts.classes)))
    np.add.at(counts, (number, parts.targets), 1)
    counts[-1] = counts.sum(axis=0)
    place = {name: row for row, name in enumerate(known.tolist())}
    rows = [place.get(parts.data.utt2spk[utterance], len(known)) for utterance in parts.utterances]
    return (counts / counts.sum(axis=1, keepdims=True))[rows]


def duration(parts: Parts) -> np.ndarray:
    """:func:`thresholds` of the seconds that utterances last (``utt2dur``), (N, C)."""
    return thresholds(parts, "utt2dur")


def energy(parts: Parts) -> np.ndarray:
    """:func:`thresholds` of the levels of utterances in dB (``utt2level``), (N, C)."""
    return thresholds(parts, "utt2level")


def thresholds(parts: Parts, name: str) -> np.ndarray:
    """The shares of the classes between C − 1 thresholds of one number of each utterance, (N, C).

    A decision tree of C leaves, split where Gini's impurity falls most; of two classes it is one threshold.
    """
    from sklearn.tree import DecisionTreeClassifier

    train, numbers = parts.numbers(name)
    tree = DecisionTreeClassifier(max_leaf_nodes=max(2, len(parts.classes)), random_state=0)
    return tree.fit(train, parts.targets).predict_proba(numbers)


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
    _refuse_few(parts, "LDA")
    means, _ = class_means(train, targets)
    shrinkage = ledoit_wolf_shrinkage(train - means[targets], assume_centered=True)
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage)
    with warnings.catch_warnings():  # a class of one utterance has no offsets, and none are missed
        warnings.filterwarnings("ignore", "Only one sample available")
        return model.fit(train, targets).predict_proba(vectors)


def svm(parts: Parts, train: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """A support vector machine with an RBF kernel, (N, C).

    Its C is that of :data:`COSTS` with the highest accuracy in a cross-validation of the training part: by speakers
    where there are two or more, else by utterances. The decision values are made to sum to one by a softmax: the
    class that it decides for has the most, but they are no probabilities, and their cross-entropy means little.

    Args:
        train: standardised vectors (M, D) of the training part; ``vectors`` (N, D) of what is classified.

    Raises:
        TimbreError: as :func:`statistics_lda`.
    """
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    _refuse_few(parts, "an SVM")
    search = GridSearchCV(SVC(break_ties=True), {"C": COSTS}, cv=_inner_folds(parts))
    values = search.fit(train, parts.targets).best_estimator_.decision_function(vectors)
    if values.ndim == 1:  # of two classes, for the second
        values = np.stack([np.zeros_like(values), values], axis=1)
    return scipy.special.softmax(values, axis=1)


def regression(parts: Parts, train: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """:func:`~timbre.scoring.regression.softmax_regression`, (N, C), its strength chosen as the SVM's C is.

    Raises:
        TimbreError: as :func:`statistics_lda`.
    """
    _refuse_few(parts, "a regression")
    return softmax_regression(train, parts.targets, _inner_folds(parts), vectors)


def _inner_folds(parts: Parts) -> list[tuple[np.ndarray, np.ndarray]]:
    return inner_folds(parts.targets, parts.speakers if parts.labels != "utt2spk" else None)


def inner_folds(targets: np.ndarray, speakers: np.ndarray | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Up to five folds of M utterances, two classes or more in each one's training part.

    Speakers stand in one whole, unless they show one class each.

    Args:
        targets: the classes (M,), from 0 on.
        speakers: whose they are (M,), from 0 on; ``None`` where speakers are the classes.
    """
    from sklearn.model_selection import GroupKFold, StratifiedKFold

    people = 0 if speakers is None else int(speakers.max()) + 1
    if people > 1:
        folds = list(GroupKFold(min(5, people)).split(targets, targets, speakers))
        if all(np.ptp(targets[train]) for train, _ in folds):
            return folds
    with warnings.catch_warnings():  # a class of fewer utterances than folds is in some of them
        warnings.filterwarnings("ignore", "The least populated class")
        most = int(np.bincount(targets).max())
        folds = StratifiedKFold(min(5, most), shuffle=True, random_state=0).split(targets, targets)
        return [fold for fold in folds if np.ptp(targets[fold[0]])]


def _refuse_few(parts: Parts, what: str) -> None:
    if not 1 < len(parts.classes) < len(parts.targets):
        raise TimbreError(
            f"{parts.train.path}: {len(parts.targets)} utterances of {len(parts.classes)} classes by "
            f"{parts.labels}; {what} needs two classes, and two utterances of one of them"
        )


@dataclass(frozen=True)
class Baseline:
    """What a baseline is called in tables, and how it predicts."""

    title: str
    predict: Callable[[Parts], np.ndarray]


BASELINES = {
    "majority": Baseline("majority", majority),
    "speaker": Baseline("speaker alone", speaker),
    "duration": Baseline("duration", duration),
    "energy": Baseline("energy", energy),
    "statistics_lda": Baseline("LDA of statistics", statistics_lda),
    "statistics_svm": Baseline("SVM of statistics", lambda parts: svm(parts, *parts.statistics)),
    "functionals_svm": Baseline("SVM of functionals", lambda parts: svm(parts, *parts.functionals)),
    "statistics_regression": Baseline(
        "regression of statistics", lambda parts: regression(parts, *parts.statistics)
    ),
    "functionals_regression": Baseline(
        "regression of functionals", lambda parts: regression(parts, *parts.functionals)
    ),
    "joint_regression": Baseline("regression of both", lambda parts: regression(parts, *parts.both)),
    "streams_regression": Baseline("regression of streams", lambda parts: regression(parts, *parts.streams)),
}


def title(folder: Path) -> str:
    """What the baseline whose posteriors lie in ``<somewhere>/<kind>`` is called in tables."""
    if folder.name not in BASELINES:
        raise TimbreError(f"{folder}: no folder of a baseline{did_you_mean(folder.name, BASELINES)}")
    return BASELINES[folder.name].title


def predict_baselines(
    folds: Sequence[tuple[DataDir, DataDir]],
    out: str | Path,
    kinds: Sequence[str],
    labels: str = "utt2spk",
    functionals: DataDir | None = None,
    streams: DataDir | None = None,
) -> Iterator[str]:
    """Writes the posteriors of each baseline to ``out/<kind>``; yields a line for each.

    Args:
        folds: the part to learn from and the one to classify; those of all folds become one result.
        kinds: of :data:`BASELINES`.
        functionals: a data directory that has the utterances of all parts, with functionals.
        streams: the same with streams.
    """
    vectors: dict[str, np.ndarray] = {}
    every = [Parts(train, data, labels, vectors, functionals, streams) for train, data in folds]
    for kind in kinds:
        baseline, folder = BASELINES[kind], Path(out) / kind
        whole = joined([Posteriors(p.utterances, p.classes, baseline.predict(p).astype(np.float32)) for p in every])
        whole.write(folder)
        count = f"{len(whole.utterances)} utterances, {len(whole.classes)} classes"
        yield f"{folder}: {baseline.title}, {count}" + (f", {len(folds)} folds" if len(folds) > 1 else "")
