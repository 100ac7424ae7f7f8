"""One page of several experiments on the same trials or utterances: beside each other, and each against the first.

Differences are paired, as in :mod:`timbre.scoring.comparison`, and the confs stand side by side where they differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from markupsafe import Markup

from timbre.conf_files import flat, read_yaml
from timbre.errors import TimbreError, some
from timbre.kaldi.atomic import atomic_write
from timbre.report import class_plots, plots
from timbre.report.page import render
from timbre.report.verification import ARRAYS
from timbre.scoring.bootstrap import PRIORS
from timbre.scoring.class_comparison import compare_classes
from timbre.scoring.classification import COMPARED
from timbre.scoring.comparison import compare_trials
from timbre.scoring.difference import Difference
from timbre.scoring.evaluation import bounded, percent
from timbre.scoring.measured import CLASSIFICATION, System, read_metrics, trainings


class _Task(NamedTuple):
    """How one task is compared: its measures by name, with their headings, those shown in %, and by what."""

    measures: dict[str, str]
    rates: tuple[str, ...]
    compare: Callable[[System, System], tuple[str, dict[str, Difference]]]
    pictures: Callable[..., dict[str, str]]


_TRIALS = {"eer": "EER % [95 %]", **{f"min_dcf_{prior:g}": f"minDCF({prior:g})" for prior in PRIORS}}
_CLASSES = dict(zip(COMPARED, ("accuracy % [95 %]", "recall (UA) % [95 %]", "F1 % [95 %]"), strict=True))


def write_comparison(exps: Sequence[str | Path], out: str | Path) -> Path:
    """Writes the page of two experiments or more to ``out``, with a part for each list or part that all have.

    Raises:
        TimbreError: for fewer than two; naming experiments of other tasks, lists or labels, without anything in
            common, and what is missing.
    """
    folders = list(dict.fromkeys(map(Path, exps)))
    if len(folders) < 2:
        raise TimbreError(f"a comparison is of two experiments or more; found {some(map(str, folders))}")
    names = _names(folders)
    metrics = [read_metrics(folder) for folder in folders]
    common = [part for part in metrics[0] if all(part in here for here in metrics)]
    if not common:
        has = (
            f"{folder} has {some(part or 'metrics.json' for part in here)}"
            for folder, here in zip(folders, metrics, strict=True)
        )
        raise TimbreError(
            f"nothing that all have to compare on: {'; '.join(has)}; evaluate one list or part with all"
        )
    parts = []
    for number, part in enumerate(common):
        systems = [System.of(folder / part, here[part]) for folder, here in zip(folders, metrics, strict=True)]
        parts.append({"name": part, **_part(dict(zip(names, systems, strict=True)), f"part{number}")})
    confs = [_conf(folder) for folder in folders]
    page = render(
        "comparison.html",
        title=" and ".join(filter(None, [", ".join(names[:-1]), names[-1]])),
        names=names,
        folders=folders,
        parts=parts,
        apart=[
            f"{part or 'metrics.json'}: {folder}"
            for folder, here in zip(folders, metrics, strict=True)
            for part in here
            if part not in common
        ],
        without=[str(folder) for folder, conf in zip(folders, confs, strict=True) if conf is None],
        confs=differing([conf or {} for conf in confs]),
    )
    with atomic_write(out) as file:
        file.write(page)
    return Path(out)


def differing(confs: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The values of each dotted key that is not the same in all resolved confs; ``–`` where a conf lacks it."""
    rows = [flat(conf) for conf in confs]
    keys = dict.fromkeys(key for row in rows for key in row)
    shown = {key: [str(row[key]) if key in row else "–" for row in rows] for key in keys}
    return {key: values for key, values in shown.items() if len(set(values)) > 1}


def _names(folders: Sequence[Path]) -> list[str]:
    """What each is called: by its folder alone where that tells them apart."""
    names = [folder.resolve().name for folder in folders]
    return names if len(set(names)) == len(names) else [str(folder) for folder in folders]


def _conf(exp: Path) -> dict[str, Any] | None:
    """The resolved conf of an experiment, of folds that of the first; ``None`` where there is none."""
    paths = (exp / "conf.yaml", trainings(exp)[0] / "conf.yaml")
    return next((read_yaml(path) for path in paths if path.exists()), None)


def _part(systems: Mapping[str, System], name: str) -> dict[str, Any]:
    """Measures, differences and plots on one list or part."""
    tasks = {system.metrics.get("task", "verification") for system in systems.values()}
    if len(tasks) > 1:
        theirs = (f"{system.folder}: {system.metrics.get('task', 'verification')}" for system in systems.values())
        raise TimbreError(f"different tasks cannot be compared: {' and '.join(theirs)}")
    task = _TASKS[tasks.pop()]
    first, *others = systems
    compared = {other: task.compare(systems[other], systems[first]) for other in others}
    # What was tested on, and of classifiers how each was: both stand in the same words in all of them.
    tested = dict.fromkeys(line for said, _ in compared.values() for line in said.splitlines())
    values = {label: system.metrics["systems"][system.name] for label, system in systems.items()}
    return {
        "tested": list(tested),
        "how": systems[first].metrics["bootstrap"],
        "head": list(task.measures.values()),
        "rows": {label: _cells({key: row[key] for key in task.measures}, task) for label, row in values.items()},
        "differences": {label: _differences(differences, task) for label, (_, differences) in compared.items()},
        "plots": {title: Markup(picture) for title, picture in task.pictures(systems, values, name).items()},
    }


def _cells(values: Mapping[str, Mapping[str, float | None]], task: _Task) -> list[str]:
    return [(percent if key in task.rates else bounded)(value) for key, value in values.items()]


def _differences(found: Mapping[str, Difference], task: _Task) -> list[tuple[str, str, bool]]:
    """Of each measure the difference with its interval, p, and whether it is told from chance."""
    cells = _cells({key: found[key].bounded for key in task.measures}, task)
    rows = [found[key] for key in task.measures]
    return [
        (cell, "–" if row.p is None else f"{row.p:.3f}", row.told) for cell, row in zip(cells, rows, strict=True)
    ]


def _pictures_of_trials(
    systems: Mapping[str, System], values: Mapping[str, dict[str, Any]], name: str
) -> dict[str, str]:
    curves, eers = {}, {}
    for label, system in systems.items():
        path = system.folder / ARRAYS
        try:
            with np.load(path) as arrays:
                curves[label] = {curve: arrays[f"{system.name}/{curve}"] for curve in ("fnr", "fpr")}
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise TimbreError(f"{path}: cannot be read ({error}); score again (stage 4)") from error
        eers[label] = values[label]["eer"]["value"]
    rates = {label: row["eer"] for label, row in values.items()}
    first = next(iter(eers))
    return {
        "DET": plots.det(curves, eers, name),
        "EER": plots.conditions(rates, eers[first], name, mark=first, label="Equal error rate by experiment"),
    }


def _pictures_of_classes(
    systems: Mapping[str, System], values: Mapping[str, dict[str, Any]], name: str
) -> dict[str, str]:
    chance = next(iter(systems.values())).metrics["chance"]
    drawn = {"accuracy": "Accuracy", "recall": "Recall (UA)"}
    return {
        title: class_plots.bars(
            {label: row[key] for label, row in values.items()},
            "experiment",
            ("chance", chance),
            f"{name}-{key}",
            key,
        )
        for key, title in drawn.items()
    }


_TASKS = {
    "verification": _Task(_TRIALS, ("eer",), compare_trials, _pictures_of_trials),
    CLASSIFICATION: _Task(_CLASSES, COMPARED, compare_classes, _pictures_of_classes),
}
