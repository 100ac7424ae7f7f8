"""``model_card.md``: what a trained model is, what it was made of and measured on, and what is not known of it.

Everything in it is read from the experiment's own files; what is not there is left out, and named at the end. Of an
experiment of folds the card is of all its models, which have one conf and differ by what they were trained on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import timbre
from timbre.conf_files import flat
from timbre.corpora.layout import about as speech
from timbre.errors import TimbreError
from timbre.features.published import read_model
from timbre.kaldi.atomic import atomic_write
from timbre.models.trained import TrainedModel
from timbre.report import folds
from timbre.report.columns import task_of
from timbre.report.results import cell, parameters, results
from timbre.scoring import class_table
from timbre.scoring.calibration import Calibration
from timbre.scoring.measured import members, metrics_files, read_metrics, trainings
from timbre.scoring.verdict import warnings

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
    folders = trainings(exp)
    states = [read_model(folder) for folder in folders]
    conf, model = states[0]["conf"], TrainedModel(states[0], torch.device("cpu"))
    metrics = read_metrics(exp) if metrics_files(exp) else {}
    spoken = (speech(Path(values["data"])) for values in metrics.values())
    about = about or next(filter(None, spoken), "")
    several = folders != [exp]
    utterances = [_utterances(folder / "train.log") for folder in folders]
    epochs = list(map(len, folds.histories(folders)))
    seen = folds.seen(trainings(members(exp)[0]), metrics.values()) if several else []
    kind = conf.get("task", "verification")
    if others := [part for part, values in metrics.items() if task_of(values) != kind]:
        raise TimbreError(
            f"{exp / others[0]}/metrics.json: not of {kind}, which the model was trained for and a card is of; "
            "evaluate into a directory of its own what is not"
        )
    backends = [state["backend"] for state in states]
    task = {"verification": _encoder, "classification": _classifier}[kind](conf, model, metrics, backends)
    facts = {
        "about (what the speech is)": about,
        "metrics.json (results)": metrics,
        "history.jsonl (epochs)": len(epochs) == len(folders),
        "train.log (utterances trained on)": None not in utterances,
        "the folds' data (speakers of each)": not several or seen,
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
        date=datetime.fromtimestamp((folders[0] / "final.pt").stat().st_mtime, timezone.utc).strftime("%Y-%m-%d"),
        classes=len(model.classes),
        utterances=_span(utterances, folders),
        init=conf.get("init"),
        features=_keys(conf["features"]),
        input=_keys(conf["input"]),
        encoder=_keys(conf["encoder"]),
        parameters=parameters(exp),
        loss=_keys(conf["loss"]),
        epochs=_span(epochs, folders),
        backend=model.backend,
        models=[str(folder.relative_to(exp)) for folder in folders] if several else [],
        seeds=len(members(exp)),
        by_fold=", by fold" if len(folders) > 1 else "",
        seen=[[cell(text) for text in row] for row in seen],
        results=results([exp]) if metrics else "",
        resampled=" or ".join(sorted({_resampled(values) for values in metrics.values()})),
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


def _encoder(
    conf: Mapping[str, Any], model: TrainedModel, metrics: Mapping[str, Any], backends: Sequence[Mapping[str, Any]]
) -> _Task:
    limits = []
    if fitted := "threshold" in backends[0]:
        limits.append(
            "Threshold and calibration are those of training speakers that were held out; other recordings need "
            "their own."
        )
    doubt = Calibration(**backends[0]["calibration"]).doubt() if fitted else ""
    values = {"speeds": conf.get("speeds"), "dim": model.encoder.embedding_dim, "doubt": doubt}
    name = "threshold and calibration (nobody was held out in training)"
    return _Task("model_card_verification.md", values, "trials", name, fitted, limits)


def _classifier(
    conf: Mapping[str, Any], model: TrainedModel, metrics: Mapping[str, Any], backends: Sequence[Mapping[str, Any]]
) -> _Task:
    kind = class_table.kind(conf["labels"])
    limits = [f"The classes are a closed set: an unknown {kind} is always taken for one of the classes."]
    said = ((*class_table.parts(values), *warnings(values)) for values in metrics.values())
    limits += dict.fromkeys(line for lines in said for line in lines)
    seeds = max((len(values.get("members", ())) for values in metrics.values()), default=0) or 1
    if len(backends) > seeds:
        each = "Each model" if seeds == 1 else "The ensemble of each fold"
        limits.append(
            f"{each} was measured alone, on the test part of its fold. The mean of the models was not: what one "
            "of them has not seen, others were trained on."
        )
    fitted: dict[str, str] = {}
    if all("temperature" in backend for backend in backends):
        limits.append("Probabilities are scaled by a temperature fitted on held-out training utterances.")
        fitted = {
            "heldout_error": folds.span((100 * backend["heldout_error"] for backend in backends), "{:.2f}"),
            "heldout_utterances": folds.span(backend["heldout_utterances"] for backend in backends),
            "temperature": folds.span((backend["temperature"] for backend in backends), "{:.3f}"),
        }
    values = {
        "fitted": fitted,
        "kind": kind,
        "labels": conf["labels"],
        "names": [cell(name) for name in model.classes] if len(model.classes) <= FEW_CLASSES else [],
        "audio": model.front_end.sample_rate is not None and not _by_speaker(model),
    }
    name = "held-out error and temperature (nothing was held out in training)"
    return _Task("model_card_classification.md", values, "utterances", name, bool(fitted), limits)


def _utterances(log: Path) -> int | None:
    """How many utterances training counted in its log."""
    found = re.search(r" (\d+) utterances to train on", log.read_text(encoding="utf-8")) if log.exists() else None
    return int(found[1]) if found else None


def _span(numbers: Sequence[int | None], folders: Sequence[Path]) -> str:
    """What is said of a number that each training has; nothing where it is not known of all."""
    return "" if None in numbers or len(numbers) < len(folders) else folds.span(numbers)


def _resampled(metrics: Mapping[str, Any]) -> str:
    return metrics.get("bootstrap", {}).get("resampled", "speakers")


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
    if speakers < FEW_SPEAKERS and any(_resampled(values) == "speakers" for values in metrics.values()):
        limits.append(f"{speakers} test speakers are few: look at the intervals, not at the figures alone.")
    return limits + task.limits


def _by_speaker(model: TrainedModel) -> bool:
    return model.conf.input.cmvn == "speaker"


def _input(model: TrainedModel) -> str:
    """What the model can be given."""
    if _by_speaker(model):
        return "It takes no single recording: its features are normalised by all that a speaker says."
    rate, frames = model.front_end.sample_rate, f"of {model.encoder.min_frames} frames or more"
    if rate is None:
        return f"It takes frames of its corpus only, no audio; utterances {frames}."
    other = "is resampled" if model.front_end.resample else "is refused"
    return f"Audio at {rate} Hz (at another rate it {other}), {frames}."
