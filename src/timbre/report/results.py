"""The results of a recipe's experiments as Markdown: a table for each list that was tested on, the best first.

What an experiment does not hold is an en dash: nothing is estimated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from timbre.errors import TimbreError, did_you_mean
from timbre.features.published import read_model
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.text import read_text
from timbre.report.columns import COLUMNS, NOTHING, Columns, task_of
from timbre.report.published import Published, read_published
from timbre.scoring.measured import read_metrics, trainings

NOT_ABOVE = "†"
"""Marks an experiment that is not above a baseline."""

_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # buffers of BatchNorm
_STAMP = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) .*$", re.MULTILINE)


class Row(NamedTuple):
    """A line of a table, and its place among them: the lowest comes first."""

    place: float
    cells: tuple[str, ...]


class Table(NamedTuple):
    """Rows, as keys: the same row of two experiments is one; and by experiment what it is not above."""

    rows: dict[Row, None]
    not_above: dict[str, list[str]]


def results(exps: Sequence[str | Path], published: str | Path | None = None) -> str:
    """The tables of experiments, as Markdown.

    Args:
        exps: experiment directories with ``metrics.json``, or with ``<list>/metrics.json``, all of one task. Where
            they lie in several folders (``exp/<protocol>``), lists are named by these: ``<protocol>/<list>``.
        published: a YAML list of ``system``, ``list``, ``source``, and ``eer`` (%) and ``min_dcf``, or
            ``accuracy`` and ``recall`` (%).

    Raises:
        TimbreError: for an experiment without measures, experiments of different tasks, and a published figure of
            another task or of a list that none here has.
    """
    metrics = [(exp, part, found) for exp in map(Path, exps) for part, found in read_metrics(exp).items()]
    columns = COLUMNS[_task(metrics)]
    facts = {exp: (parameters(exp), minutes(exp)) for exp, _, _ in metrics}
    protocols = len({exp.resolve().parent for exp in facts}) > 1
    tables: dict[tuple[str, str], Table] = {}
    for exp, part, found in metrics:
        protocol = exp.resolve().parent.name if protocols else ""
        name = "/".join(filter(None, (protocol, part))) or columns.tested
        table = tables.setdefault((name, columns.about(found)), Table({}, {}))
        table.rows.update(dict.fromkeys(_rows(exp.resolve().name, found, facts[exp], columns)))
        table.not_above[exp.resolve().name] = columns.not_above(found)
    figures = read_published(published) if published else []
    names = [name for name, _ in tables]
    for figure in figures:
        if columns.figure(figure) is None:
            raise TimbreError(f"{published}: {figure.system}: a figure of another task; give its {columns.measure}")
        if figure.list not in names and (figure.list or len(names) > 1):
            raise TimbreError(
                f"{published}: {figure.system}: no list '{figure.list}'{did_you_mean(figure.list, names)}"
            )
    blocks = []
    for (name, about), table in tables.items():
        theirs = [figure for figure in figures if figure.list in (name, "")]
        heading = f"### {name}\n\n" if len(tables) > 1 else ""
        blocks += [heading + about, _table(sorted(table.rows), theirs, columns), *_legend(table.not_above)]
    if any(len(trainings(exp)) > 1 for exp in facts):
        blocks.append("Of an experiment of folds the parameters are those of one model, the minutes those of all.")
    return "\n\n".join(blocks)


def _task(metrics: Sequence[tuple[Path, str, dict[str, Any]]]) -> str:
    """The task of all of them."""
    tasks = {task_of(found): exp / part for exp, part, found in metrics}
    if len(tasks) > 1:
        said = " and ".join(f"{path} is of {task}" for task, path in tasks.items())
        raise TimbreError(f"{said}: no table has both; make one of each task")
    return next(iter(tasks))


def markers(name: str) -> tuple[str, str]:
    """The lines between which a table stands in a file."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def write_results(path: str | Path, text: str, name: str = "results") -> None:
    """Replaces what stands in a file between the two lines of :func:`markers`.

    Raises:
        TimbreError: for a file without the two lines, each once and in this order.
    """
    lines = read_text(path).split("\n")
    places = [[number for number, line in enumerate(lines) if line.strip() == marker] for marker in markers(name)]
    if any(len(found) != 1 for found in places) or places[0] > places[1]:
        said = " and ".join(f"'{marker}'" for marker in markers(name))
        raise TimbreError(f"{path}: not written: the lines {said} must stand in it once, in this order")
    (begin,), (end,) = places
    with atomic_write(path) as file:
        file.write("\n".join([*lines[: begin + 1], text, *lines[end:]]))


def parameters(exp: Path) -> int | None:
    """The parameters of a model, counted in ``final.pt`` (BatchNorm's running statistics are none).

    An encoder's are its own; a classifier's are also those of its classes, which it cannot do without. Of folds
    each model has as many as the first.
    """
    folder = trainings(exp)[0]
    if not (folder / "final.pt").exists():
        return None
    state = read_model(folder)
    classifies = state.get("conf", {}).get("task") == "classification"
    tensors = [*state["encoder"].items(), *(state["loss"].items() if classifies else ())]
    return sum(tensor.numel() for name, tensor in tensors if name.rpartition(".")[2] not in _STATISTICS)


def minutes(exp: Path) -> float | None:
    """How long training took, of folds that of all, as far as all have a ``train.log`` that says it."""
    took = [_minutes(folder / "train.log") for folder in trainings(exp)]
    return None if None in took else sum(took)


def _minutes(log: Path) -> float | None:
    """How long one training took by its log, held-out evaluations included, pauses between runs left out.

    Each run begins with the line that counts what there is "to train on"; its last line is its end.
    """
    if not log.exists():
        return None
    runs: list[list[datetime]] = []
    for line in _STAMP.finditer(log.read_text(encoding="utf-8")):
        if " to train on" in line[0]:
            runs.append([])
        if runs:
            runs[-1].append(datetime.fromisoformat(line[1]))
    return sum((run[-1] - run[0]).total_seconds() for run in runs) / 60 if runs else None


def _rows(
    experiment: str, metrics: dict[str, Any], facts: tuple[int | None, float | None], columns: Columns
) -> Iterable[Row]:
    """The systems of an experiment; those that are not its first are its back-ends, but for baselines."""
    size, took = facts
    mark = f" {NOT_ABOVE}" if columns.not_above(metrics) else ""
    about = (NOTHING if size is None else f"{size / 1e6:.2f}", NOTHING if took is None else f"{took:.1f}")
    for number, (system, values) in enumerate(metrics["systems"].items()):
        place, cells = columns.place(values[columns.measure]["value"]), columns.cells(values)
        if columns.is_baseline(number, system):
            yield Row(place, (cell(system), *cells, NOTHING, NOTHING))
        else:
            prefix = f"{experiment}, "
            named = number > 0 or system.startswith(prefix)  # the first is the experiment's own, by whatever name
            name = f"`{experiment}`" + (f", {cell(system.removeprefix(prefix))}" if named else "") + mark
            yield Row(place, (name, *cells, *about))
    for value, cells in columns.further(metrics):
        yield Row(columns.place(value), (*cells, NOTHING, NOTHING))


def _table(rows: Sequence[Row], published: Sequence[Published], columns: Columns) -> str:
    """A Markdown table, ours first, in the order of its measure."""
    head = ("conf", *columns.head, "parameters, M", "training, min")
    theirs = [
        (
            f"*{cell(figure.system)}* (published, not ours: {cell(figure.source)})",
            *columns.published(figure),
            NOTHING,
            NOTHING,
        )
        for figure in sorted(published, key=lambda figure: columns.place(columns.figure(figure)))
    ]
    lines = [head, ["---"] * len(head), *(row.cells for row in rows), *theirs]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _legend(not_above: Mapping[str, Sequence[str]]) -> Iterable[str]:
    """What the mark says, of the experiments that have it."""
    said = [f"`{name}`: {', '.join(map(cell, others))}" for name, others in not_above.items() if others]
    if said:
        yield f"{NOT_ABOVE} not above a baseline, but below it or not told from it: {'; '.join(said)}."


def cell(text: str) -> str:
    """Text that ends no cell and no line."""
    return " ".join(text.replace("|", r"\|").split())
