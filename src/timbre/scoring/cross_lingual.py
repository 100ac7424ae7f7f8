"""What a model of one language makes of another's emotions: recall on those that both know, as a matrix.

Of the language that is tested, the utterances of shared emotions count, and of the posteriors those of shared
emotions, divided by their sum (:func:`timbre.scoring.posteriors.restricted`): chance is one by their number. On the
diagonal stands what folds of the language itself came to, on all of its emotions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from timbre.errors import TimbreError, some
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.labels import read_labels
from timbre.scoring.bootstrap import with_interval
from timbre.scoring.class_bootstrap import draw_units, rates, resampled
from timbre.scoring.classification import decide
from timbre.scoring.evaluation import percent
from timbre.scoring.posteriors import Posteriors, classes_in_use, restricted

MEASURES = ("recall", "accuracy", "f1")
NOTHING = "–"


def score_cross_lingual(
    root: str | Path,
    data: str | Path,
    languages: Sequence[str],
    within: str | Path | None = None,
    labels: str = "utt2emotion",
    count: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Writes ``cross_lingual.json`` and ``.md`` to ``root``; returns the content of the former.

    Args:
        root: holds the posteriors, ``<trained on>/<tested on>``.
        data: holds a data directory for each language, ``<language>/folds/test``.
        within: an experiment of folds, ``<language>/test``, for the diagonal; what is not there is left out.

    Raises:
        TimbreError: where there is one language alone, or no posteriors at all.
    """
    if len(languages) < 2:
        raise TimbreError(f"--language {some(languages)}: a cross-lingual matrix needs two languages or more")
    tables = {name: DataDir(Path(data) / name / "folds/test") for name in languages}
    cells: dict[str, dict[str, Any]] = {}
    for trained in languages:
        cells[trained] = {}
        for tested in languages:
            folder = Path(root) / trained / tested
            if trained == tested and within:
                folder = Path(within) / tested / "test"
            if (folder / "posteriors.scp").exists():
                cells[trained][tested] = _cell(folder, tables[tested], labels, (count, seed))
    if not any(tested != trained for trained, row in cells.items() for tested in row):
        raise TimbreError(f"{root}: no posteriors of a language by a model of another; predict them first")
    found = {
        "data": str(data),
        "labels": labels,
        "within": within and str(within),
        "languages": list(languages),
        "bootstrap": {"level": 0.95, "seed": seed, "replicates": count},
        "cells": cells,
    }
    for name, text in (("json", json.dumps(found, indent=2, ensure_ascii=False)), ("md", table(found))):
        with atomic_write(Path(root) / f"cross_lingual.{name}") as file:
            file.write(text + "\n")
    return found


def _cell(folder: Path, data: DataDir, labels: str, how: tuple[int, int]) -> dict[str, Any]:
    """The measures of one model on one language; of fewer than two shared classes only what these are."""
    whole, label_of = Posteriors.read(folder), read_labels(data, labels)
    shared = sorted(classes_in_use(whole, whole.utterances) & set(label_of.values()), key=str.encode)
    utterances = [name for name in sorted(label_of, key=str.encode) if label_of[name] in shared]
    cell: dict[str, Any] = {"posteriors": str(folder), "classes": shared, "utterances": len(utterances)}
    if len(shared) < 2:
        return cell
    posteriors = restricted(whole, utterances, shared)
    truth = np.array([shared.index(label_of[name]) for name in utterances])
    what, units = resampled(np.unique([data.utt2spk[name] for name in utterances], return_inverse=True)[1])
    decisions, _ = decide(posteriors, shared, truth, units)
    drawn = rates(decisions, draw_units(units, *how))
    points = rates(decisions, np.ones((1, int(units.max()) + 1)))
    measures = {name: with_interval(float(points[name][0]), drawn[name]) for name in MEASURES}
    return cell | {"chance": 1 / len(shared), "resampled": what, **measures}


def table(found: dict[str, Any]) -> str:
    """The matrix as Markdown: rows are trained on, columns tested on; and what stands in it."""
    languages, cells = found["languages"], found["cells"]
    head = ["trained on", *(f"tested on {name}" for name in languages)]
    rows = [head, ["---"] * len(head)]
    for trained in languages:
        shown = (_shown(cells[trained].get(tested), trained == tested) for tested in languages)
        rows.append([trained, *shown])
    said = (
        f"Recall (UA) % [95 %], and chance, of as many emotions as both languages have; intervals by "
        f"{found['bootstrap']['replicates']:,} resamplings of the speakers.\nA model is trained on all of its "
        "language and has seen no other's emotions."
    )
    if found["within"]:
        said += " On the diagonal, in italics: folds of the joint model of all languages, all of its emotions."
    return "\n".join([*(f"| {' | '.join(row)} |" for row in rows), "", said])


def _shown(cell: dict[str, Any] | None, own: bool) -> str:
    if cell is None or "recall" not in cell:
        return NOTHING
    text = f"{percent(cell['recall'])}; {100 * cell['chance']:.1f} of {len(cell['classes'])}"
    return f"*{text}*" if own else text
