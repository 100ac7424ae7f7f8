"""``model_card.md``: what a trained model is, what it was made of and measured on, and what is not known of it.

Everything in it is read from the experiment's own files; what is not there is left out, and named at the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import timbre
from timbre.conf import flat
from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.text import read_lines, read_text
from timbre.models.trained import TrainedModel, read_final
from timbre.report.results import parameters, results
from timbre.scoring.comparison import metrics_files, read_metrics

FEW_SPEAKERS = 100
"""With fewer test speakers the card says that they are few."""


def write_model_card(exp: str | Path, about: str | None = None) -> Path:
    """Writes ``<exp>/model_card.md`` and returns its path.

    Args:
        about: text on the speech; ``None`` takes the file ``about`` of the test data, or of a folder above.

    Raises:
        TimbreError: where there is no ``final.pt``, or a file that cannot be read.
    """
    exp = Path(exp)
    if not exp.is_dir():
        raise TimbreError(f"{exp}: no experiment directory; steps/train_encoder.sh (stage 2) makes it")
    state = read_final(exp)
    conf, model = state["conf"], TrainedModel(state, torch.device("cpu"))
    metrics = read_metrics(exp) if metrics_files(exp) else {}
    about = about or _about(metrics)
    utterances, epochs = _utterances(exp / "train.log"), _epochs(exp / "history.jsonl")
    facts = {
        "about (what the speech is)": about,
        "metrics.json (results)": metrics,
        "history.jsonl (epochs)": epochs,
        "train.log (utterances trained on)": utterances,
        "threshold and calibration (nobody was held out in training)": "threshold" in model.backend,
    }
    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=folder, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    card = environment.get_template("model_card.md").render(
        name=exp.resolve().name,
        about=about,
        version=timbre.__version__,
        date=datetime.fromtimestamp((exp / "final.pt").stat().st_mtime, timezone.utc).strftime("%Y-%m-%d"),
        classes=len(model.classes),
        speeds=conf.get("speeds"),
        utterances=utterances,
        init=conf.get("init"),
        features=_keys(conf["features"]),
        input=_keys(conf["input"]),
        encoder=_keys(conf["encoder"]),
        dim=model.encoder.embedding_dim,
        parameters=parameters(exp),
        loss=_keys(conf["loss"]),
        epochs=epochs,
        backend=model.backend,
        results=results([exp]) if metrics else "",
        limits=_limits(model, metrics, about),
        missing=[name for name, there in facts.items() if not there],
    )
    with atomic_write(exp / "model_card.md") as file:
        file.write(card)
    return exp / "model_card.md"


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


def _limits(model: TrainedModel, metrics: Mapping[str, Any], about: str) -> list[str]:
    """What a user must not expect."""
    limits = []
    if "synthetic" in about.lower():
        limits.append("The speech is synthetic: nothing here says how the model does on people's voices.")
    if metrics:
        limits.append(
            "Measured on the trials above alone: other languages, channels, noise, ages, and recordings of other "
            "days were not tested, unless the lines above say so."
        )
    else:
        limits.append("Not measured: this directory has no results.")
    speakers = min((values["trials"]["speakers"] for values in metrics.values()), default=FEW_SPEAKERS)
    if speakers < FEW_SPEAKERS:
        limits.append(f"{speakers} test speakers are few: look at the intervals, not at the figures alone.")
    if "threshold" in model.backend:
        limits.append(
            "Threshold and calibration are those of training speakers that were held out; other recordings need "
            "their own."
        )
    rate, frames = model.front_end.sample_rate, model.encoder.min_frames
    other = "is resampled" if model.front_end.resample else "is refused"
    limits.append(f"Audio at {rate} Hz (at another rate it {other}), of {frames} frames or more.")
    return limits
