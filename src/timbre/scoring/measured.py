"""What was measured: the ``metrics.json`` of experiments, their trainings, and the outputs of systems."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from timbre.errors import TimbreError, did_you_mean
from timbre.kaldi.tables import locate

CLASSIFICATION = "classification"
"""The ``task`` of a ``metrics.json``; that of verification has none."""


@dataclass(frozen=True)
class System:
    """A system that was evaluated: the folder and the content of its ``metrics.json``, and its name there."""

    folder: Path
    metrics: dict[str, Any]
    name: str

    @classmethod
    def of(cls, folder: Path, metrics: dict[str, Any], name: str | None = None) -> System:
        """The system ``name`` of a ``metrics.json``; ``None``: its first, the experiment's own."""
        systems = metrics["systems"]
        if name is not None and name not in systems:
            raise TimbreError(f"{folder}/metrics.json: no system '{name}'{did_you_mean(name, systems)}")
        return cls(folder, metrics, name or next(iter(systems)))

    def output(self, kind: str) -> Path:
        """Where its ``scores`` or ``posteriors`` lie."""
        path = locate(self.metrics["systems"][self.name][kind], self.folder / "metrics.json")
        if not path.exists():
            where = f"{path}: no such file, the {kind} of '{self.name}' of {self.folder}"
            raise TimbreError(f"{where}; predict or score again (stages 3 and 4)")
        return path


def members(exp: Path) -> list[Path]:
    """Of an ensemble its members, ``<exp>/seeds/<seed>`` by seed; of any other experiment ``[exp]``."""
    found = [path for path in exp.glob("seeds/*") if path.name.isdecimal() and path.is_dir()]
    return sorted(found, key=lambda path: int(path.name)) or [exp]


def trainings(exp: Path) -> list[Path]:
    """The folders that an experiment's models were trained in: ``[exp]``, or of folds its ``fold_<k>``.

    These come in the order of their numbers, those of an ensemble member by member (:func:`members`). A folder with
    a model of its own has no folds, whatever lies in it.
    """
    return [training for member in members(exp) for training in _folds(member)]


def _folds(exp: Path) -> list[Path]:
    folds = [path for path in exp.glob("fold_*") if path.name.removeprefix("fold_").isdecimal()]
    if not folds or (exp / "final.pt").exists():
        return [exp]
    return sorted(folds, key=lambda path: int(path.name.removeprefix("fold_")))


def metrics_files(exp: Path) -> list[Path]:
    """The ``metrics.json`` of an experiment and of the folders right under it, where there are any."""
    return [path for path in (exp / "metrics.json", *sorted(exp.glob("*/metrics.json"))) if path.exists()]


def read_metrics(exp: str | Path) -> dict[str, dict[str, Any]]:
    """The ``metrics.json`` of an experiment by part: ``""`` for its own, the folder's name for further ones.

    Raises:
        TimbreError: where there is none, or one that cannot be read.
    """
    exp = Path(exp)
    paths = metrics_files(exp)
    if not paths:
        raise TimbreError(f"{exp}: no metrics.json; steps/evaluate.sh or evaluate_classes.sh (stage 4) makes it")
    found = {}
    for path in paths:
        try:
            metrics = json.loads(path.read_text(encoding="utf-8"))
            tested = metrics["utterances" if metrics.get("task") == CLASSIFICATION else "trials"]
            tested["sha256"], next(iter(metrics["systems"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
            raise TimbreError(
                f"{path}: not the measures of trials or classifications ({error!r}); evaluate again"
            ) from error
        found[path.parent.name if path.parent != exp else ""] = metrics
    return found
