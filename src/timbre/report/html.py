"""One self-contained HTML page of an experiment: results, plots, conf, environment."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from markupsafe import Markup

from timbre import plain_yaml
from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.text import read_optional, read_text
from timbre.report import classification, folds, front_end, gates, phones, plots, verification
from timbre.report.drawing import stamped
from timbre.report.page import render
from timbre.report.players import Players
from timbre.scoring.measured import metrics_files, trainings
from timbre.scoring.verdict import stamp

# What an evaluation of each task looks like: a module, and the template that it names.
_TASKS = {"verification": verification, "classification": classification, "phones": phones}


def write_report(exp: str | Path, about: str | None = None, audio: bool = False) -> Path:
    """Writes ``<exp>/report.html`` and returns its path.

    The page shows each ``metrics.json`` in ``exp`` and in the folders right under it, and what there is of
    ``conf.yaml``, ``differences.yaml``, ``history.jsonl`` and lists of skipped utterances; of an experiment of
    folds the confs of the first and the histories of all. Of a front-end (:data:`timbre.report.front_end.TASKS`)
    the history is enough; several classifications have an overview, and ``gates.json`` a section.

    Args:
        about: text on the speech for under the title; ``None`` takes the file ``about`` of the data directory.
        audio: put players of the worst errors into the page: people's voices.
    Raises:
        TimbreError: where there is no ``metrics.json``, or a file that cannot be read.
    """
    exp = Path(exp)
    paths = metrics_files(exp)
    folders = trainings(exp)
    trained = exp if (exp / "conf.yaml").exists() else folders[0]
    conf = _text(trained / "conf.yaml")
    values = plain_yaml.parse(conf or "", trained / "conf.yaml") or {}
    train, task = values.get("train", {}), values.get("task")
    histories = folds.histories(folders)
    if not paths and task not in front_end.TASKS:
        raise TimbreError(f"{exp}: no metrics.json; scoring (stage 4) makes it")
    if not paths and not histories:
        raise TimbreError(f"{exp}: neither metrics.json nor history.jsonl; train it (stage 2)")
    evaluations = [_evaluation(path, exp) for path in paths]
    classified = [one for one in evaluations if one["template"] == "classification.html" and one["part"]]
    data = [Path(path) for one in evaluations for path in one.get("data", [one["metrics"].get("data")])]
    data = list(dict.fromkeys(data))
    page = render(
        "template.html",
        title=exp.resolve().name,
        about=[about] if about else list(filter(None, (_text(folder / "about") for folder in data))),
        evaluations=evaluations,
        players=Players() if audio else None,
        parts=classification.overview(classified) if len(classified) > 1 else None,
        front_end=front_end.summary(task, histories[0]) if task in front_end.TASKS and histories else None,
        gates=gates.section(exp / "gates.json", _stamps(evaluations)),
        crop_frames=train.get("crop_frames"),
        training=Markup(_training(histories, evaluations, train)) if histories else None,
        epochs=folds.span(map(len, histories)) if histories else "",
        folds=len(folders),
        conf=conf,
        differences=plain_yaml.parse(_text(trained / "differences.yaml") or "", trained / "differences.yaml"),
        skipped=_skipped([exp, *data, *(part.with_name("all") for part in data if folders != [exp])]),
        made=_environment(),
    )
    with atomic_write(exp / "report.html") as file:
        file.write(page)
    return exp / "report.html"


def _text(path: Path) -> str | None:
    """A text file, or ``None`` where there is none."""
    return read_text(path).strip() if path.exists() else None


def _training(histories: Sequence[plots.History], evaluations: Iterable[dict[str, Any]], train: dict) -> str:
    """The training curves, and under them what was tested and what, as it may be otherwise, was held out."""
    stamps = _stamps(evaluations)
    said = [f"tested: {stamps}"] if stamps else []
    if stamps and train.get("heldout_utterances") and "heldout_unit" in train:
        unit = train["heldout_unit"]
        said.append(f"held out in training: by {'session or utterance' if unit == 'session' else unit}")
    return stamped(plots.training(histories, "history"), "; ".join(said))


def _stamps(evaluations: Iterable[dict[str, Any]]) -> str:
    """How all of it was tested, in one line."""
    return ", ".join(dict.fromkeys(filter(None, (stamp(evaluation["metrics"]) for evaluation in evaluations))))


def _evaluation(path: Path, exp: Path) -> dict[str, Any]:
    """One ``metrics.json``, as the template of its task needs it."""
    name, read = hashlib.sha256(str(path).encode()).hexdigest()[:8], str(path)
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
        task = _TASKS[metrics.get("task", "verification")]
        read += f" and {task.ARRAYS} beside it" if task.ARRAYS else ""
        with np.load(path.with_name(task.ARRAYS)) if task.ARRAYS else nullcontext({}) as arrays:
            found = task.evaluation(metrics, arrays, name)
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise TimbreError(f"{read}: cannot be read ({error}); score again (stage 4)") from error
    return {**found, "part": str(path.parent.relative_to(exp)) if path.parent != exp else ""}


def _skipped(folders: list[Path]) -> dict[str, dict[str, str]]:
    """Utterances that steps left out, with the reason, by the list that says so."""
    paths = dict.fromkeys(path for folder in folders for path in sorted(folder.glob("**/*.skipped")))
    return {str(path): rows for path in paths if (rows := read_optional(path))}


def _environment() -> dict[str, str]:
    """Where and with what the page was made."""
    rows = {
        "Python": platform.python_version(),
        **{name: metadata.version(name) for name in ("torch", "torchaudio", "numpy", "scipy", "scikit-learn")},
        "processor": f"{_processor()}, {os.cpu_count()} threads",
        "system": platform.platform(),
        "commit": _commit(),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }
    return {name: value for name, value in rows.items() if value}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str:
    """The commit of the repository that this code stands in, and whether files differ from it; or ``""``."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True)
        changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True)
    except FileNotFoundError:  # no git on this machine
        return ""
    if commit.returncode:
        return ""
    return commit.stdout.strip() + (" with changes" if changed.stdout else "")
