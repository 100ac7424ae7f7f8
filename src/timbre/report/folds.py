"""What is told of an experiment's trainings: of a cross-validation there is one for each fold, and of each seed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.folds import read_folds
from timbre.kaldi.text import read_lines

NAMED = 20
"""So many speakers of a part are named, and how many more there are."""


class Seen(NamedTuple):
    """Whose voices the model of a fold was trained on, and whose it is tested on."""

    model: str
    train: str
    test: str


def span(numbers: Iterable[float], form: str = "{:,}") -> str:
    """``473 to 500``: the lowest and the highest, or the one that all are."""
    numbers = list(numbers)
    return " to ".join(dict.fromkeys(form.format(number) for number in (min(numbers), max(numbers))))


def histories(folders: Iterable[Path]) -> list[list[dict[str, Any]]]:
    """The epochs of each training, as far as there are any in ``history.jsonl``."""
    paths = [path for folder in folders if (path := folder / "history.jsonl").exists()]
    found = [[_epoch(path, number, line) for number, line in read_lines(path)] for path in paths]
    return [history for history in found if history]


def _epoch(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        return json.loads(line)
    except ValueError:
        raise TimbreError(f"{path}:{number}: not JSON; train again (stage 2)") from None


def seen(folders: Sequence[Path], metrics: Iterable[Mapping[str, Any]]) -> list[Seen]:
    """The speakers of both parts of each fold, where the folds that were measured still lie where they lay.

    Raises:
        TimbreError: for another number of models than of folds.
    """
    for values in metrics:
        if (train := values.get("train")) and Path(train["data"], "1").is_dir():
            parts = read_folds(train["data"])
            if len(parts) != len(folders):
                found = f"{len(folders)} folds have models, {len(parts)} stand in {train['data']}"
                raise TimbreError(f"{folders[0].parent}: {found}; train and measure them all (stages 2 to 4)")
            return [Seen(folder.name, *map(_speakers, both)) for folder, both in zip(folders, parts, strict=True)]
    return []


def _speakers(data: DataDir) -> str:
    names = sorted(set(data.utt2spk.values()), key=str.encode)
    return f"{len(names)}: {some(names, NAMED)}"
