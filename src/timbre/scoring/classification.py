"""All measures of classifications, of one system or several, as plain data for ``metrics.json``.

Rates are shares from 0 to 1. Intervals are 95 % and resample speakers (:mod:`timbre.scoring.class_bootstrap`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from timbre.errors import TimbreError, some
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.labels import read_labels
from timbre.kaldi.text import read_optional
from timbre.scoring.bootstrap import with_interval
from timbre.scoring.class_bootstrap import Decisions, rates, replicates
from timbre.scoring.difference import Difference
from timbre.scoring.overlap import overlap
from timbre.scoring.posteriors import Posteriors

BEST = 5  # the measure `top5`: whether the truth is among so many
COMPARED = ("accuracy", "recall", "f1")
_CONFUSIONS, _EXAMPLES = 50, 3
_LEAST = float(np.finfo(np.float32).tiny)  # of a probability in the cross-entropy: smaller ones become 0 in an ark


def evaluate_classes(
    data: str | Path,
    systems: dict[str, str | Path],
    out: str | Path,
    labels: str = "utt2spk",
    train: str | Path | None = None,
    count: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Writes ``metrics.json`` and ``confusion.npz`` to ``out``; returns the metrics.

    The cross-entropy takes no probability for less than 1.2e-38 (87 nats), the smallest that an ark holds; where a
    system's classes lack the truth it is that.

    Args:
        data: the data directory of the utterances: their speakers, and the table ``labels`` of their classes.
        systems: folders of posteriors by name; the first is the system evaluated, the others are what it is
            compared with. They may know other classes, in any order.
        train: the data directory that the systems were trained on, to see what both have in common.
        count: bootstrap replicates.

    Raises:
        TimbreError: for utterances without posteriors and the reverse, for labels that are no class of the first
            system, and for audio that stands in both parts (:func:`timbre.scoring.overlap.overlap`).
    """
    directory = DataDir(data)
    table = read_labels(directory, labels)
    utterances = sorted(table, key=str.encode)
    first, *others = (ordered(Posteriors.read(folder), utterances, directory) for folder in systems.values())
    classes = sorted(first.classes, key=str.encode)
    names = classes + sorted({name for other in others for name in other.classes} - set(classes), key=str.encode)
    truth = _truth([table[utterance] for utterance in utterances], classes, directory.path / labels, first.path)
    speakers = np.unique([directory.utt2spk[utterance] for utterance in utterances], return_inverse=True)[1]
    metrics: dict[str, Any] = {
        "task": "classification",
        "data": str(data),
        "labels": labels,
        "utterances": {
            "count": len(utterances),
            "classes": len(classes),
            "speakers": int(speakers.max()) + 1,
            "sha256": sha256_of_labels(utterances, table),
            "frames": _frames(directory, utterances),
        },
        "train": None if train is None else overlap(DataDir(train), directory),
        "chance": 1 / len(classes),
        "bootstrap": {"resampled": "speakers", "level": 0.95, "seed": seed, "replicates": count},
        "systems": {},
    }
    points, draws, taken = {}, {}, {}
    once = np.ones((1, metrics["utterances"]["speakers"]))
    for (name, folder), posteriors in zip(systems.items(), (first, *others), strict=True):
        decisions, cross_entropy = decide(posteriors, names, truth, speakers)
        taken[name] = decisions.predicted
        points[name] = {key: float(value[0]) for key, value in rates(decisions, once).items()}
        draws[name] = replicates(decisions, count, seed)
        bounded = {key: with_interval(value, draws[name][key]) for key, value in points[name].items()}
        metrics["systems"][name] = {key: bounded.get(key) for key in (*COMPARED, "top5")}
        metrics["systems"][name] |= {"cross_entropy": cross_entropy, "posteriors": str(folder)}
    model, *baselines = systems
    metrics["differences"] = {
        name: {key: _difference(points, draws, model, name, key) for key in COMPARED} for name in baselines
    }
    matrix = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(matrix, (truth, taken[model]), 1)
    metrics["confusions"] = confusions(truth, taken[model], utterances, classes)
    metrics["classes"] = _classes(matrix, classes)
    with atomic_write(Path(out) / "confusion.npz", "wb") as file:
        np.savez_compressed(file, matrix=matrix, classes=np.array(classes))
    with atomic_write(Path(out) / "metrics.json") as file:
        file.write(json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False) + "\n")
    return metrics


def ordered(posteriors: Posteriors, utterances: Sequence[str], data: DataDir) -> Posteriors:
    """The posteriors in the order of the utterances, which must be those of the data directory."""
    row = {utterance: number for number, utterance in enumerate(posteriors.utterances)}
    wanted = set(utterances)
    skipped = f"{posteriors.path}/posteriors.skipped"
    mend = f", or take out what was skipped there ({skipped})" if read_optional(skipped) else ""
    for problem, names in (
        (f"lacks utterances of {data.path}", [utterance for utterance in utterances if utterance not in row]),
        (f"has utterances that {data.path} lacks", [utterance for utterance in row if utterance not in wanted]),
    ):
        if names:
            raise TimbreError(
                f"{posteriors.path}: {problem} ({len(names)}: {some(names, 3)}); predict it (stage 3){mend}"
            )
    order = [row[utterance] for utterance in utterances]
    return replace(posteriors, utterances=list(utterances), matrix=posteriors.matrix[order])


def _truth(labels: Sequence[str], classes: Sequence[str], path: Path, folder: str) -> np.ndarray:
    """The number (N,) of each label among the classes."""
    number = {name: column for column, name in enumerate(classes)}
    if unknown := [label for label in labels if label not in number]:
        raise TimbreError(
            f"{path}: {len(unknown)} of {len(labels)} utterances have labels that are none of the {len(classes)} "
            f"classes of {folder} ({some(dict.fromkeys(unknown), 3)}); measure a part whose classes stand in the "
            "training part (utils/split_utterances.sh makes one), or give its labels by --labels"
        )
    return np.array([number[label] for label in labels])


def decide(
    posteriors: Posteriors, names: Sequence[str], truth: np.ndarray, speakers: np.ndarray
) -> tuple[Decisions, float]:
    """What posteriors decide, and their cross-entropy in nats.

    Of classes that are equally probable the one that comes first in ``names`` is taken.

    Args:
        names: of all classes that labels and systems have.
        truth, speakers: (N,), numbers of classes in ``names`` and of speakers.
    """
    number = {name: column for column, name in enumerate(names)}
    columns = np.array([number[name] for name in posteriors.classes])
    order = np.argsort(columns)
    columns, matrix = columns[order], posteriors.matrix[:, order]
    place = np.minimum(np.searchsorted(columns, truth), len(columns) - 1)
    known = columns[place] == truth
    probability = np.where(known, np.take_along_axis(matrix, place[:, None], axis=1)[:, 0], 0)[:, None]
    before = (matrix > probability) | ((matrix == probability) & (np.arange(len(columns)) < place[:, None]))
    among_best = known & (before.sum(axis=1) < BEST) if len(columns) > BEST else None
    decisions = Decisions(truth, columns[matrix.argmax(axis=1)], speakers, among_best)
    return decisions, float(-np.log(np.maximum(probability.astype(np.float64), _LEAST)).mean())


def confusions(
    truth: np.ndarray, predicted: np.ndarray, utterances: Sequence[str], classes: Sequence[str]
) -> list[dict[str, Any]]:
    """The pairs of classes that are confused, the most frequent first, with the first utterances of each."""
    wrong = np.flatnonzero(truth != predicted)
    pairs, place, counts = np.unique(
        np.stack([truth[wrong], predicted[wrong]], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    of = np.bincount(truth)
    wrong = wrong[np.argsort(place.reshape(-1), kind="stable")]
    starts = np.cumsum(counts) - counts
    return [
        {
            "truth": classes[pairs[i, 0]],
            "taken_for": classes[pairs[i, 1]],
            "count": int(counts[i]),
            "of": int(of[pairs[i, 0]]),
            "utterances": [utterances[row] for row in wrong[starts[i] : starts[i] + min(counts[i], _EXAMPLES)]],
        }
        for i in np.argsort(-counts, kind="stable")[:_CONFUSIONS]
    ]


def _classes(matrix: np.ndarray, classes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Count, recall and precision of each class of the labels; precision ``None`` where nothing is taken for it."""
    right, count, taken = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    return {
        classes[i]: {
            "count": int(count[i]),
            "recall": float(right[i] / count[i]),
            "precision": float(right[i] / taken[i]) if taken[i] else None,
        }
        for i in np.flatnonzero(count)
    }


def _difference(points: dict, draws: dict, first: str, second: str, key: str) -> dict[str, float | None]:
    """``first − second`` with the interval of the paired replicates, and the p-value of no difference."""
    found = Difference.of(points[first][key], points[second][key], draws[first][key] - draws[second][key])
    return found.bounded | {"p": found.p}


def _frames(data: DataDir, utterances: Sequence[str]) -> dict[str, int] | None:
    """How long the utterances are, where that is known."""
    if not data.has("utt2num_frames"):
        return None
    table = data.table("utt2num_frames")
    if missing := [utterance for utterance in utterances if utterance not in table]:
        raise TimbreError(
            f"{data.path}/utt2num_frames: lacks {some(missing, 3)}; make the features again (stage 1)"
        )
    lengths = np.array([int(table[utterance]) for utterance in utterances])
    return {"shortest": int(lengths.min()), "median": int(np.median(lengths)), "longest": int(lengths.max())}


def sha256_of_labels(utterances: Sequence[str], table: dict[str, str]) -> str:
    """Of the lines ``<utt> <class>`` in byte order: what was tested on."""
    return hashlib.sha256("".join(f"{name} {table[name]}\n" for name in utterances).encode()).hexdigest()
