"""What a gate weighs streams by: its mean weights by language and emotion, with intervals.

<folder>/gates.{ark,scp}   a vector (S,) for each utterance: the weights of the streams
<folder>/streams           lines '<stream> <column>', columns counted from 0

A mean is that over utterances, Σ_s Σ_(u of s) w_u / Σ_s n_s, and its 95 % interval draws the speakers s of the
language anew (:mod:`timbre.scoring.class_bootstrap`): utterances of a speaker share that speaker's gate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from timbre.errors import TimbreError, some
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.labels import UNNAMED, read_labels, read_languages
from timbre.kaldi.tables import read_vectors
from timbre.scoring.bootstrap import intervals, with_intervals
from timbre.scoring.class_bootstrap import draw_units, resampled
from timbre.scoring.evaluation import aligned, bounded
from timbre.scoring.posteriors import read_classes

ALL = "all"
"""What the mean over all utterances of a language is called among those of its classes."""


def measure_gates(
    data: DataDir,
    folder: str | Path,
    out: str | Path,
    labels: str = "utt2emotion",
    count: int = 1000,
    seed: int = 0,
    models: Sequence[Path] = (),
) -> dict[str, Any]:
    """Writes ``gates.json`` to ``out``; returns what it holds.

    That is ``streams``, and of each of ``languages`` (:func:`timbre.kaldi.labels.read_languages`) by class of
    ``labels``, :data:`ALL` first, the ``count`` of its utterances and the ``weights`` by stream: ``value``, ``low``
    and ``high``. With ``models``, those of the folds, ``closed`` has of each language and stream the share of
    hard-concrete gates that are 0, the mean over models; empty where they have none.

    Raises:
        TimbreError: for utterances without class or gate, and gates of another number of streams.
    """
    streams = read_classes(Path(folder) / "streams")
    utterances, weights = read_vectors(Path(folder) / "gates.scp")
    if weights.shape[1] != len(streams):
        raise TimbreError(
            f"{folder}/gates.scp: weights of {weights.shape[1]} streams, and {len(streams)} in {folder}/streams; "
            "predict again (stage 3)"
        )
    emotion, language = read_labels(data, labels), read_languages(data)
    row = {utterance: number for number, utterance in enumerate(utterances)}
    if missing := [utterance for utterance in emotion if utterance not in row]:
        raise TimbreError(
            f"{folder}/gates.scp: lacks {len(missing)} utterances of {data.path} ({some(missing, 3)}); "
            "predict again (stage 3)"
        )
    inside: dict[str, list[str]] = {}
    for utterance, name in language.items():
        inside.setdefault(name, []).append(utterance)
    found = {
        "data": str(data.path),
        "streams": streams,
        "bootstrap": {"level": 0.95, "seed": seed, "replicates": count},
        "languages": {
            name: _of_language(
                np.array([emotion[utterance] for utterance in inside[name]]),
                [data.utt2spk[utterance] for utterance in inside[name]],
                weights[[row[utterance] for utterance in inside[name]]].astype(np.float64),
                streams,
                (count, seed),
            )
            for name in sorted(inside)
        },
        "closed": closed_gates(models),
    }
    with atomic_write(Path(out) / "gates.json") as file:
        file.write(json.dumps(found, indent=2, allow_nan=False, ensure_ascii=False) + "\n")
    return found


def closed_gates(models: Sequence[Path]) -> dict[str, dict[str, float]]:
    """Of each language and stream the share of hard-concrete gates that are 0 in evaluation, mean of ``models``."""
    from timbre.features.published import read_model
    from timbre.models.hard_concrete import closed_share

    found: dict[str, dict[str, list[float]]] = {}
    for model in models:
        for name, values in read_model(model)["encoder"].items():
            if parts := re.fullmatch(r"gated\.(.+)\.gates\.(.+)\.log_alpha", name):
                shares = found.setdefault(parts[2], {}).setdefault(parts[1], [])
                shares.append(closed_share(values))
    return {
        language: {stream: float(np.mean(shares)) for stream, shares in of_streams.items()}
        for language, of_streams in found.items()
    }


def _of_language(
    labels: np.ndarray, speakers: list[str], weights: np.ndarray, streams: list[str], how: tuple[int, int]
) -> dict[str, Any]:
    """Of one language: labels (N,), speakers (N,), weights (N, S)."""
    what, units = resampled(np.unique(speakers, return_inverse=True)[1])
    draws = draw_units(units, *how)
    classes, number = np.unique(labels, return_inverse=True)
    shape = draws.shape[1], len(classes)
    counts, sums = np.zeros(shape), np.zeros((*shape, len(streams)))
    np.add.at(counts, (units, number), 1)
    np.add.at(sums, (units, number), weights)
    counts = np.concatenate([counts.sum(axis=1, keepdims=True), counts], axis=1)  # all of them first
    sums = np.concatenate([sums.sum(axis=1, keepdims=True), sums], axis=1)
    total = counts.sum(axis=0)
    means = sums.sum(axis=0) / total[:, None]
    drawn = draws @ counts
    drawn = np.where(drawn > 0, drawn, np.nan)  # a class of which nothing is drawn has no mean
    ends = intervals((np.tensordot(draws, sums, axes=1) / drawn[:, :, None]).reshape(len(draws), -1))
    rates = iter(with_intervals(means.ravel(), ends))
    return {
        "resampled": what,
        "classes": {
            name: {
                "count": int(total[place]),
                "weights": {stream: next(rates) for stream in streams},
            }
            for place, name in enumerate([ALL, *classes.tolist()])
        },
    }


def rows(gates: dict[str, Any]) -> list[tuple[str, ...]]:
    """The means as a table, the head first: a row for each language and class, a column for each stream.

    Where nothing names the language there is no column of it.
    """
    lines = [
        ("language", "emotion", "utterances", *gates["streams"]),
        *(
            (language, name, f"{values['count']:,}", *map(bounded, values["weights"].values()))
            for language, found in gates["languages"].items()
            for name, values in found["classes"].items()
        ),
    ]
    return [row[1:] for row in lines] if UNNAMED in gates["languages"] else lines


def closed(gates: dict[str, Any]) -> list[str]:
    """A line for each language: the share of hard-concrete gates that are closed, by stream."""
    return [
        f"hard-concrete gates closed{'' if language == UNNAMED else f', {language}'}: "
        + ", ".join(f"{stream} {100 * share:.0f} %" for stream, share in shares.items())
        for language, shares in gates.get("closed", {}).items()
    ]


def table(gates: dict[str, Any]) -> str:
    """:func:`rows` and :func:`closed` for the terminal."""
    return "\n".join([aligned(rows(gates)), *closed(gates)])
