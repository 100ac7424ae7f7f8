"""All measures of classifications, of one system or several, as plain data for ``metrics.json``.

Rates are shares from 0 to 1. Intervals are 95 % and resample speakers, or utterances of fewer than three speakers
(:mod:`timbre.scoring.class_bootstrap`).
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
from timbre.kaldi.atomic import atomic_write, together
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.folds import read_folds
from timbre.kaldi.labels import read_labels
from timbre.kaldi.text import read_optional
from timbre.scoring.bootstrap import with_interval
from timbre.scoring.class_bootstrap import Decisions, draw_units, rates, resampled
from timbre.scoring.class_details import by_class, by_speaker, confusions
from timbre.scoring.difference import Difference
from timbre.scoring.ensemble import read_members
from timbre.scoring.overlap import overlap
from timbre.scoring.posteriors import Posteriors, restricted
from timbre.scoring.verdict import of_speech, verdict
from timbre.scoring.worst import worst_confusions

BEST = 5  # the measure `top5`: whether the truth is among so many
COMPARED = ("accuracy", "recall", "f1")
_LEAST = float(np.finfo(np.float32).tiny)  # of a probability in the cross-entropy: smaller ones become 0 in an ark


def evaluate_classes(
    data: str | Path,
    systems: dict[str, str | Path],
    out: str | Path,
    labels: str = "utt2spk",
    train: str | Path | None = None,
    count: int = 1000,
    seed: int = 0,
    folds: str | Path | None = None,
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
        folds: of a cross-validation, in the place of ``train``: its folds (:mod:`timbre.kaldi.folds`).

    Of the mean of an ensemble (:mod:`timbre.scoring.ensemble`) each member is measured too.

    Raises:
        TimbreError: for utterances without posteriors and the reverse, for labels that are no class of the first
            system, for audio that stands in both parts (:func:`timbre.scoring.overlap.overlap`), and for folds that
            test other utterances.
    """
    directory = DataDir(data)
    table = read_labels(directory, labels)
    utterances = sorted(table, key=str.encode)
    first, *others = (ordered(Posteriors.read(folder), utterances, directory) for folder in systems.values())
    classes = sorted(first.classes, key=str.encode)
    names = classes + sorted({name for other in others for name in other.classes} - set(classes), key=str.encode)
    truth = _truth([table[utterance] for utterance in utterances], classes, directory.path / labels, first.path)
    people, speakers = np.unique([directory.utt2spk[utterance] for utterance in utterances], return_inverse=True)
    what, units = resampled(speakers)
    known = _known(directory, train, folds)
    metrics: dict[str, Any] = {
        "task": "classification",
        "data": str(data),
        "labels": labels,
        "utterances": {
            "count": len(utterances),
            "classes": len(classes),
            "speakers": len(people),
            "sha256": sha256_of_labels(utterances, table),
            "frames": _frames(directory, utterances),
        },
        "train": known,
        "verdict": [*of_speech(directory.path), *(verdict(known, labels) if known else [])] or None,
        "chance": 1 / len(classes),
        "bootstrap": {"resampled": what, "level": 0.95, "seed": seed, "replicates": count},
        "systems": {},
    }
    points, replicates, decided = {}, {}, {}
    draws = draw_units(units, count, seed)
    once = np.ones((1, draws.shape[1]))
    for (name, folder), posteriors in zip(systems.items(), (first, *others), strict=True):
        decisions, cross_entropy = decide(posteriors, names, truth, units)
        decided[name] = decisions
        points[name] = {key: float(value[0]) for key, value in rates(decisions, once).items()}
        replicates[name] = rates(decisions, draws)
        bounded = {key: with_interval(value, replicates[name][key]) for key, value in points[name].items()}
        metrics["systems"][name] = {key: bounded.get(key) for key in (*COMPARED, "top5")}
        metrics["systems"][name] |= {"cross_entropy": cross_entropy, "posteriors": str(folder)}
    model, *baselines = systems
    metrics["differences"] = {
        name: {key: _difference(points, replicates, model, name, key) for key in COMPARED} for name in baselines
    }
    if members := read_members(systems[model]):
        each = (restricted(Posteriors.read(folder), utterances, classes) for folder in members.values())
        decisions_of = (decide(posteriors, names, truth, units) for posteriors in each)
        metrics["members"] = {
            seed: {key: float(value[0]) for key, value in rates(found, once).items()} | {"cross_entropy": entropy}
            for seed, (found, entropy) in zip(members, decisions_of, strict=True)
        }
    decisions = decided[model]
    matrix = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(matrix, (truth, decisions.predicted), 1)
    metrics["confusions"] = confusions(truth, decisions.predicted, utterances, classes)
    labelled, taken = ([classes[number] for number in column] for column in (truth, decisions.predicted))
    metrics["worst"] = worst_confusions(first, labelled, taken)
    metrics["classes"] = by_class(decisions, draws, classes)
    alike = labels == "utt2spk" or len(people) == len(utterances)  # each is a class, or known by one utterance
    metrics["speakers"] = None if alike else by_speaker(decisions, speakers, people.tolist())
    with together(), atomic_write(Path(out) / "metrics.json") as file:
        with atomic_write(Path(out) / "confusion.npz", "wb") as arrays:
            np.savez_compressed(arrays, matrix=matrix, classes=np.array(classes))
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


def _known(data: DataDir, train: str | Path | None, folds: str | Path | None) -> dict[str, Any] | None:
    """What is known of the training parts; the utterances must be those that the folds test."""
    if folds is None:
        return None if train is None else overlap([(DataDir(train), data)], train)
    parts = read_folds(folds)
    tested = set().union(*(test.utt2spk for _, test in parts))
    for problem, names in (
        ("does not test utterances", data.utt2spk.keys() - tested),
        ("tests utterances that are not", tested - data.utt2spk.keys()),
    ):
        if names:
            raise TimbreError(
                f"{folds}: {problem} of {data.path} ({len(names)}: {some(sorted(names), 3)}); give the folds of "
                "this part (timbre copy-folds makes both)"
            )
    return overlap(parts, folds)


def decide(
    posteriors: Posteriors, names: Sequence[str], truth: np.ndarray, units: np.ndarray
) -> tuple[Decisions, float]:
    """What posteriors decide, and their cross-entropy in nats.

    Of classes that are equally probable the one that comes first in ``names`` is taken.

    Args:
        names: of all classes that labels and systems have.
        truth, units: (N,), numbers of classes in ``names`` and of what is resampled.
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
    decisions = Decisions(truth, columns[matrix.argmax(axis=1)], units, among_best)
    cross_entropy = np.log(1 / np.maximum(probability.astype(np.float64), _LEAST)).mean()
    return decisions, float(cross_entropy)


def _difference(points: dict, draws: dict, first: str, second: str, key: str) -> dict[str, float | None]:
    """``first − second`` with the interval of the paired replicates, and the p-value of no difference."""
    found = Difference.of(points[first][key], points[second][key], draws[first][key] - draws[second][key])
    return found.bounded | {"p": found.p}


def _frames(data: DataDir, utterances: Sequence[str]) -> dict[str, int] | None:
    """How long the utterances are, where that is known."""
    if not data.has("utt2num_frames"):
        return None
    table = data.numbers("utt2num_frames")
    if missing := [utterance for utterance in utterances if utterance not in table]:
        raise TimbreError(
            f"{data.path}/utt2num_frames: lacks {some(missing, 3)}; make the features again (stage 1)"
        )
    lengths = np.array([table[utterance] for utterance in utterances])
    return {"shortest": int(lengths.min()), "median": int(np.median(lengths)), "longest": int(lengths.max())}


def sha256_of_labels(utterances: Sequence[str], table: dict[str, str]) -> str:
    """Of the lines ``<utt> <class>`` in byte order: what was tested on."""
    return hashlib.sha256("".join(f"{name} {table[name]}\n" for name in utterances).encode()).hexdigest()
