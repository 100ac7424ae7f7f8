"""``model_card.md``: what a trained model is, what it was made of and measured on, and what is not known of it.

Everything in it is read from the experiment's own files; what is not there is left out, and named at the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import timbre
from timbre.conf import flat
from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.text import read_lines, read_text
from timbre.models.trained import TrainedModel, read_final
from timbre.report import classification
from timbre.report.columns import task_of
from timbre.report.results import cell, parameters, results
from timbre.scoring.measured import metrics_files, read_metrics

FEW_SPEAKERS = 100
"""With fewer test speakers the card says that they are few."""

FEW_CLASSES = 10
"""So many classes are named."""


def write_model_card(exp: str | Path, about: str | None = None) -> Path:
    """Writes ``<exp>/model_card.md`` and returns its path.

    Args:
        about: text on the speech; ``None`` takes the file ``about`` of the test data, or of a folder above.

    Raises:
        TimbreError: where there is no ``final.pt``, a file that cannot be read, or measures of another task than
            the model's.
    """
    exp = Path(exp)
    if not exp.is_dir():
        raise TimbreError(f"{exp}: no experiment directory; steps/train_encoder.sh (stage 2) makes it")
    state = read_final(exp)
    conf, model = state["conf"], TrainedModel(state, torch.device("cpu"))
    metrics = read_metrics(exp) if metrics_files(exp) else {}
    about = about or _about(metrics)
    utterances, epochs = _utterances(exp / "train.log"), _epochs(exp / "history.jsonl")
    kind = conf.get("task", "verification")
    if others := [part for part, values in metrics.items() if task_of(values) != kind]:
        raise TimbreError(
            f"{exp / others[0]}/metrics.json: not of {kind}, which the model was trained for and a card is of; "
            "evaluate into a directory of its own what is not"
        )
    task = {"verification": _encoder, "classification": _classifier}[kind](conf, model, metrics)
    facts = {
        "about (what the speech is)": about,
        "metrics.json (results)": metrics,
        "history.jsonl (epochs)": epochs,
        "train.log (utterances trained on)": utterances,
        task.fitted: task.fitted_there,
    }
    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=folder, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    card = environment.get_template(task.template).render(
        name=exp.resolve().name,
        about=about,
        version=timbre.__version__,
        date=datetime.fromtimestamp((exp / "final.pt").stat().st_mtime, timezone.utc).strftime("%Y-%m-%d"),
        classes=len(model.classes),
        utterances=utterances,
        init=conf.get("init"),
        features=_keys(conf["features"]),
        input=_keys(conf["input"]),
        encoder=_keys(conf["encoder"]),
        parameters=parameters(exp),
        loss=_keys(conf["loss"]),
        epochs=epochs,
        backend=model.backend,
        results=results([exp]) if metrics else "",
        limits=[*_limits(metrics, about, task), _input(model)],
        missing=[name for name, there in facts.items() if not there],
        **task.values,
    )
    with atomic_write(exp / "model_card.md") as file:
        file.write(card)
    return exp / "model_card.md"


class _Task(NamedTuple):
    """What a card says by the model's task.

    ``template`` and the ``values`` it needs; what was ``tested`` on, a key of ``metrics.json``; the name of what is
    ``fitted`` on held-out data, and whether it is there; ``limits``.
    """

    template: str
    values: dict[str, Any]
    tested: str
    fitted: str
    fitted_there: bool
    limits: list[str]


def _encoder(conf: Mapping[str, Any], model: TrainedModel, metrics: Mapping[str, Any]) -> _Task:
    limits = []
    if fitted := "threshold" in model.backend:
        limits.append(
            "Threshold and calibration are those of training speakers that were held out; other recordings need "
            "their own."
        )
    values = {"speeds": conf.get("speeds"), "dim": model.encoder.embedding_dim}
    name = "threshold and calibration (nobody was held out in training)"
    return _Task("model_card_verification.md", values, "trials", name, fitted, limits)


def _classifier(conf: Mapping[str, Any], model: TrainedModel, metrics: Mapping[str, Any]) -> _Task:
    kind = classification.kind(conf["labels"])
    limits = [f"The classes are a closed set: an unknown {kind} is always taken for one of the classes."]
    limits += dict.fromkeys(line for values in metrics.values() for line in classification.parts(values))
    if fitted := "temperature" in model.backend:
        limits.append("Probabilities are scaled by a temperature fitted on held-out training utterances.")
    values = {
        "kind": kind,
        "labels": conf["labels"],
        "names": [cell(name) for name in model.classes] if len(model.classes) <= FEW_CLASSES else [],
        "audio": model.front_end.sample_rate is not None,
    }
    name = "held-out error and temperature (nothing was held out in training)"
    return _Task("model_card_classification.md", values, "utterances", name, fitted, limits)


def _about(metrics: Mapping[str, Any]) -> str:
    """What the speech is, in a line: the file ``about`` of the data or of the nearest folder above."""
    for values in metrics.values():
        data = Path(values["data"])
        for folder in (data, *data.parents):
            if (folder / "about").is_file():
                return " ".join(read_text(folder / "about").split())
    return ""


def _utterances(log: Path) -> int | None:
    """How many utterances training counted in its log."""
    found = re.search(r" (\d+) utterances to train on", log.read_text(encoding="utf-8")) if log.exists() else None
    return int(found[1]) if found else None


def _epochs(history: Path) -> int | None:
    return len(list(read_lines(history))) if history.exists() else None


def _keys(section: Mapping[str, Any]) -> str:
    """A section of a conf in a line, its kind first."""
    rows = flat(section)
    kind = rows.pop("kind", None)
    return ", ".join([*([kind] if kind else []), *(f"{key} {value}" for key, value in rows.items())])


def _limits(metrics: Mapping[str, Any], about: str, task: _Task) -> list[str]:
    """What a user must not expect."""
    limits = []
    if "synthetic" in about.lower():
        limits.append("The speech is synthetic: nothing here says how the model does on people's voices.")
    if metrics:
        limits.append(
            f"Measured on the {task.tested} above alone: other languages, channels, noise, ages, and recordings of "
            "other days were not tested, unless the lines above say so."
        )
    else:
        limits.append("Not measured: this directory has no results.")
    speakers = min((values[task.tested]["speakers"] for values in metrics.values()), default=FEW_SPEAKERS)
    if speakers < FEW_SPEAKERS:
        limits.append(f"{speakers} test speakers are few: look at the intervals, not at the figures alone.")
    return limits + task.limits


def _input(model: TrainedModel) -> str:
    """What the model can be given."""
    rate, frames = model.front_end.sample_rate, f"of {model.encoder.min_frames} frames or more"
    if rate is None:
        return f"It takes frames of its corpus only, no audio; utterances {frames}."
    other = "is resampled" if model.front_end.resample else "is refused"
    return f"Audio at {rate} Hz (at another rate it {other}), {frames}."
