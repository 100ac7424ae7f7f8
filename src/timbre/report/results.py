"""The results of a recipe's experiments as Markdown: a table for each trial list, in order of EER.

What an experiment does not hold is an en dash: nothing is estimated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import Field

from timbre.conf import Section, build
from timbre.errors import TimbreError, did_you_mean
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.text import read_text
from timbre.models.trained import read_final
from timbre.scoring.bootstrap import PRIORS
from timbre.scoring.comparison import read_metrics
from timbre.scoring.evaluation import bounded, percent

BASELINE = "untrained baseline"
"""The system of ``metrics.json`` that is the same in all experiments: ``--baseline-name`` of evaluate."""

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
NOTHING = "–"
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # buffers of BatchNorm
_STAMP = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) .*$", re.MULTILINE)


class Published(Section):
    """A figure of somebody else's, to stand beside ours."""

    system: str
    list: str = Field("", description="the trial list, as our table is called; nothing where there is but one")
    eer: float = Field(ge=0, le=100, description="%")
    min_dcf: float | None = Field(None, ge=0, description="at the prior 0.01")
    source: str


class Row(NamedTuple):
    """A line of a table, and the EER it stands by."""

    eer: float
    cells: tuple[str, ...]


def results(exps: Sequence[str | Path], published: str | Path | None = None) -> str:
    """The tables of experiments, as Markdown.

    Args:
        exps: experiment directories with ``metrics.json``, or with ``<list>/metrics.json``.
        published: a YAML list of ``system``, ``list``, ``eer`` (%), ``min_dcf``, ``source``.

    Raises:
        TimbreError: for an experiment without measures, and a published figure of a list that none here has.
    """
    tables: dict[tuple[str, str], dict[Row, None]] = {}  # rows as keys: the same row of two experiments is one
    lists: dict[tuple[str, str], dict[str, Any]] = {}
    for exp in map(Path, exps):
        facts = (parameters(exp), minutes(exp))
        for part, metrics in read_metrics(exp).items():
            key = (part, metrics["trials"]["sha256"])
            lists.setdefault(key, metrics)
            tables.setdefault(key, {}).update(dict.fromkeys(_rows(exp.resolve().name, metrics, facts)))
    figures = read_published(published) if published else []
    names = [part or "trials" for part, _ in tables]
    for figure in figures:
        if figure.list not in names and (figure.list or len(names) > 1):
            raise TimbreError(
                f"{published}: {figure.system}: no trial list '{figure.list}'{did_you_mean(figure.list, names)}"
            )
    blocks = []
    for name, (key, rows) in zip(names, tables.items(), strict=True):
        theirs = [figure for figure in figures if figure.list in (name, "")]
        heading = f"### {name}\n\n" if len(tables) > 1 else ""
        blocks.append(heading + _about(lists[key]) + "\n\n" + _table(sorted(rows), theirs))
    return "\n\n".join(blocks)


def write_results(path: str | Path, text: str) -> None:
    """Replaces what stands in a file between the lines :data:`BEGIN` and :data:`END`.

    Raises:
        TimbreError: for a file without the two lines, each once and in this order.
    """
    lines = read_text(path).split("\n")
    places = [[number for number, line in enumerate(lines) if line.strip() == marker] for marker in (BEGIN, END)]
    if any(len(found) != 1 for found in places) or places[0] > places[1]:
        raise TimbreError(
            f"{path}: not written: the lines '{BEGIN}' and '{END}' must stand in it once, in this order"
        )
    (begin,), (end,) = places
    with atomic_write(path) as file:
        file.write("\n".join([*lines[: begin + 1], text, *lines[end:]]))


def read_published(path: str | Path) -> list[Published]:
    """Published figures from a YAML list; an entry that is not one is named."""
    try:
        entries = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise TimbreError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(entries, list):
        raise TimbreError(f"{path}: expected a list of entries with system, list, eer, min_dcf, source")
    found = []
    for number, entry in enumerate(entries, start=1):
        try:
            found.append(build(Published, entry))
        except TimbreError as error:
            raise TimbreError(f"{path}: entry {number}: {error}") from None
    return found


def parameters(exp: Path) -> int | None:
    """The encoder's parameters, counted in ``final.pt`` (BatchNorm's running statistics are none)."""
    if not (exp / "final.pt").exists():
        return None
    tensors = read_final(exp)["encoder"].items()
    return sum(tensor.numel() for name, tensor in tensors if name.rpartition(".")[2] not in _STATISTICS)


def minutes(exp: Path) -> float | None:
    """How long training took by ``train.log``, held-out evaluations included, pauses between runs left out.

    Each run begins with the line that counts what there is "to train on"; its last line is its end.
    """
    if not (exp / "train.log").exists():
        return None
    runs: list[list[datetime]] = []
    for line in _STAMP.finditer((exp / "train.log").read_text(encoding="utf-8")):
        if " to train on" in line[0]:
            runs.append([])
        if runs:
            runs[-1].append(datetime.fromisoformat(line[1]))
    return sum((run[-1] - run[0]).total_seconds() for run in runs) / 60 if runs else None


def _rows(experiment: str, metrics: dict[str, Any], facts: tuple[int | None, float | None]) -> Iterable[Row]:
    """The systems of an experiment; those that are not its first are its back-ends, but for the baseline."""
    size, took = facts
    about = (NOTHING if size is None else f"{size / 1e6:.2f}", NOTHING if took is None else f"{took:.1f}")
    for number, (system, values) in enumerate(metrics["systems"].items()):
        cells = (percent(values["eer"]), *(bounded(values[f"min_dcf_{prior:g}"]) for prior in PRIORS))
        if system == BASELINE:
            yield Row(values["eer"]["value"], (system, *cells, NOTHING, NOTHING))
        else:
            prefix = f"{experiment}, "
            named = number > 0 or system.startswith(prefix)  # the first is the experiment's own, by whatever name
            name = f"`{experiment}`" + (f", {_cell(system.removeprefix(prefix))}" if named else "")
            yield Row(values["eer"]["value"], (name, *cells, *about))


def _table(rows: Sequence[Row], published: Sequence[Published]) -> str:
    """A Markdown table, ours first, in order of EER."""
    head = ("conf", "EER % [95 %]", *(f"minDCF({prior:g})" for prior in PRIORS), "parameters, M", "training, min")
    theirs = [
        (
            f"*{_cell(figure.system)}* (published, not ours: {_cell(figure.source)})",
            f"*{figure.eer:.2f}*",
            NOTHING if figure.min_dcf is None else f"*{figure.min_dcf:.3f}*",
            *[NOTHING] * (len(head) - 3),
        )
        for figure in sorted(published, key=lambda figure: figure.eer)
    ]
    lines = [head, ["---"] * len(head), *(row.cells for row in rows), *theirs]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _about(metrics: dict[str, Any]) -> str:
    """Which list it is: counts and hash."""
    trials = metrics["trials"]
    return (
        f"{trials['count']:,} trials ({trials['targets']:,} targets) of {trials['speakers']:,} speakers; SHA-256 "
        f"of the list\n`{trials['sha256']}`."
    )


def _cell(text: str) -> str:
    """Text that ends no cell and no line."""
    return " ".join(text.replace("|", r"\|").split())
