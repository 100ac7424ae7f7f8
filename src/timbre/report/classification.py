"""What the page shows of a classification's measures, and what is to be known of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from timbre.report import class_plots
from timbre.scoring import class_table
from timbre.scoring.difference import SIGNIFICANT
from timbre.scoring.evaluation import percent

ARRAYS = "confusion.npz"
"""The first system's confusions, beside ``metrics.json``."""

NAMED = 40
"""Up to so many classes the confusion matrix shows all, …"""
MOST_CONFUSED = 30
"""… and of more those that are most confused."""
PAIRS, WEAKEST = 20, 10
"""Lines of the tables of confusions, and of the classes with the lowest recall."""


def evaluation(metrics: dict[str, Any], arrays: Mapping[str, np.ndarray], name: str) -> dict[str, Any]:
    """What ``classification.html`` needs.

    Args:
        metrics: the content of ``metrics.json``.
        arrays: the content of :data:`ARRAYS`: ``matrix`` (C, C), counts with rows the truth, and ``classes`` (C,).
        name: keeps the ids of the plots apart from those of other evaluations on the page.
    """
    first, systems = next(iter(metrics["systems"])), metrics["systems"]
    matrix, classes = arrays["matrix"], arrays["classes"].tolist()
    tested = metrics["classes"]
    shown = np.arange(len(classes))
    if len(classes) > NAMED:
        shown = class_plots.most_confused(matrix, MOST_CONFUSED)
    drawn = {
        "accuracies": class_plots.accuracies(
            {system: values["accuracy"] for system, values in systems.items()}, metrics["chance"], name
        ),
        "recalls": class_plots.recalls(
            np.array([values["recall"] for values in tested.values()]), systems[first]["recall"]["value"], name
        ),
        "confusion": class_plots.confusion(matrix, shown, classes, name) if len(shown) else "",
    }
    weak = sorted((values["recall"], label) for label, values in tested.items() if values["recall"] < 1)
    rows = class_table.rows(metrics)
    return {
        "template": "classification.html",
        "metrics": metrics,
        "first": first,
        "measures": systems[first],
        "right": int(np.trace(matrix)),
        "kind": kind(metrics["labels"]),
        "head": class_table.HEAD,
        "rows": rows[: len(systems) + 1],  # with chance
        "differences": rows[len(systems) + 1 :],
        "warnings": warnings(metrics),
        "parts": parts(metrics),
        "shown": len(shown),
        "small": len(shown) <= class_plots.SMALL,
        "confusions": metrics["confusions"][:PAIRS],
        "weakest": {label: tested[label] for _, label in weak[:WEAKEST]},
        "plots": {key: Markup(svg) for key, svg in drawn.items()},
    }


def kind(labels: str) -> str:
    """What a class is, by the table that has them: ``speaker`` for ``utt2spk``, ``emotion`` for ``utt2emotion``."""
    return "speaker" if labels == "utt2spk" else labels.removeprefix("utt2")


def warnings(metrics: dict[str, Any]) -> list[str]:
    """What the first system is not better than, in words: other systems, and chance."""
    said = []
    first = next(iter(metrics["systems"]))
    for other, values in metrics["differences"].items():
        accuracy = values["accuracy"]
        told = accuracy["p"] is not None and accuracy["p"] < SIGNIFICANT
        if accuracy["value"] < 0:
            said.append(f"{first} is below {other}: its accuracy is {-100 * accuracy['value']:.2f} points lower.")
        elif not told:
            said.append(f"{first} is not above {other}: their accuracies cannot be told apart.")
    accuracy, chance = metrics["systems"][first]["accuracy"], metrics["chance"]
    lowest = accuracy["value"] if accuracy["low"] is None else accuracy["low"]
    if lowest <= chance:
        said.append(f"{first} is not above chance, {100 * chance:.2f} %: its accuracy is {percent(accuracy)} %.")
    return said


def parts(metrics: dict[str, Any]) -> list[str]:
    """What the part that was trained on and the one that was tested have in common, which the figures rest on."""
    train, speakers = metrics["train"], metrics["utterances"]["speakers"]
    if train is None:
        return ["What the tested utterances have in common with those trained on is not recorded."]
    shared, sessions = train["shared_speakers"], train["sessions"]
    if metrics["labels"] == "utt2spk":
        who = f"all {shared:,}" if shared == speakers else f"{shared:,} of {speakers:,}"
        said = [f"Speakers in both parts: {who}, as identification has it; other utterances of theirs are tested."]
    elif shared:
        said = [f"{shared:,} of {speakers:,} speakers stand in both parts: the classifier knows their voices."]
    else:
        said = ["No speaker stands in both parts."]
    if sessions is None:
        said.append("Recordings of one session may stand in both parts: the session's channel helps.")
    elif sessions:
        said.append(f"{sessions:,} sessions stand in both parts: the session's channel helps.")
    else:
        said.append("No session stands in both parts.")
    return said
