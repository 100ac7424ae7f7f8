"""What the page shows of a classification's measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from timbre.report import class_plots
from timbre.report.drawing import stamped
from timbre.scoring import class_table, verdict
from timbre.scoring.evaluation import percent

ARRAYS = "confusion.npz"
"""The first system's confusions, beside ``metrics.json``."""

NAMED = 40
"""Up to so many classes or speakers have a bar and a line each, and the confusion matrix shows all classes, …"""
MOST_CONFUSED = 30
"""… and of more classes those that are most confused."""
PAIRS, WEAKEST = 20, 10
"""Lines of the table of confusions, and of that of the classes with the lowest recall where there are many."""


def evaluation(metrics: dict[str, Any], arrays: Mapping[str, np.ndarray], name: str) -> dict[str, Any]:
    """What ``classification.html`` needs.

    Args:
        metrics: the content of ``metrics.json``.
        arrays: the content of :data:`ARRAYS`: ``matrix`` (C, C), counts with rows the truth, and ``classes`` (C,).
        name: keeps the ids of the plots apart from those of other evaluations on the page.
    """
    first, systems = next(iter(metrics["systems"])), metrics["systems"]
    measures, stamp = systems[first], verdict.stamp(metrics)
    matrix, classes = arrays["matrix"], arrays["classes"].tolist()
    shown = np.arange(len(classes))
    if len(classes) > NAMED:
        shown = class_plots.most_confused(matrix, MOST_CONFUSED)
    drawn = {
        "accuracies": class_plots.bars(_of(systems, "accuracy"), "system", ("chance", metrics["chance"]), name),
        "recalls": _recalls(metrics["classes"], measures["recall"]["value"], name),
        "confusion": class_plots.confusion(matrix, shown, classes, name) if len(shown) else "",
        "speakers": _speakers(metrics["speakers"], measures["accuracy"]["value"], name),
    }
    rows = class_table.rows(metrics)
    return {
        "template": "classification.html",
        "metrics": metrics,
        "first": first,
        "measures": measures,
        "stamp": stamp,
        "right": int(np.trace(matrix)),
        "kind": class_table.kind(metrics["labels"]),
        "head": class_table.HEAD,
        "rows": rows[: len(systems) + 1],  # with chance
        "differences": rows[len(systems) + 1 :],
        "warnings": verdict.warnings(metrics),
        "parts": class_table.parts(metrics),
        "shown": len(shown),
        "small": len(shown) <= class_plots.SMALL,
        "confusions": metrics["confusions"][:PAIRS],
        "details": _details(metrics),
        "plots": {key: Markup(stamped(svg, stamp) if svg else "") for key, svg in drawn.items()},
    }


def overview(evaluations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What ``parts.html`` needs of several parts (languages): a line for each, beside its strongest baseline."""
    rows = []
    for one in evaluations:
        metrics = one["metrics"]
        own, *others = metrics["systems"].items()
        best = max(others, key=lambda system: system[1]["recall"]["value"], default=None)
        beaten = ("–", "–")
        if best:
            gain = class_table.difference(metrics["differences"][best[0]]["recall"])
            beaten = (f"{best[0]} {percent(best[1]['recall'])}", gain)
        measures = (percent(own[1][key]) for key in ("recall", "accuracy", "f1"))
        rows.append((one["part"], *measures, f"{100 * metrics['chance']:.2f}", *beaten, one["stamp"]))
    head = (
        "part",
        "UA % [95 %]",
        "WA % [95 %]",
        "F1 % [95 %]",
        "chance %",
        "strongest baseline, UA %",
        "UA above it",
    )
    return {"head": (*head, "tested"), "rows": rows}


def _of(values: Mapping[str, Mapping[str, Any]], measure: str) -> dict[str, Any]:
    """One measure of each."""
    return {name: each[measure] for name, each in values.items()}


def _recalls(classes: Mapping[str, Mapping[str, Any]], mean: float, name: str) -> str:
    """The plot of the classes' recalls: each by its name, or where they are many sorted."""
    recalls = _of(classes, "recall")
    if len(recalls) <= NAMED:
        return class_plots.bars(recalls, "class", ("mean", mean), name, "recall")
    return class_plots.sorted_recalls(np.array([recall["value"] for recall in recalls.values()]), mean, name)


def _speakers(speakers: Mapping[str, Mapping[str, Any]] | None, mean: float, name: str) -> str:
    """The plot of the speakers' accuracies, where they are known and few."""
    if not speakers or len(speakers) > NAMED:
        return ""
    return class_plots.bars(_of(speakers, "accuracy"), "speaker", ("all utterances", mean), name)


def _details(metrics: dict[str, Any]) -> list[tuple[str, tuple[str, ...], list[list[str]]]]:
    """Tables by class and speaker: caption, head, rows. Of many classes those with the lowest recall, below 1."""
    classes, speakers = class_table.class_rows(metrics), class_table.speaker_rows(metrics)
    caption = "Classes"
    if len(classes) > NAMED:
        caption = "Classes with the lowest recall"
        weak = sorted((values["recall"]["value"], label) for label, values in metrics["classes"].items())
        row_of = {row[0]: row for row in classes}
        classes = [row_of[label] for recall, label in weak[:WEAKEST] if recall < 1]
    return [
        ("Members of the ensemble", class_table.MEMBER_HEAD, class_table.member_rows(metrics)),
        (caption, class_table.CLASS_HEAD, classes),
        ("Speakers", class_table.SPEAKER_HEAD, speakers if len(speakers) <= NAMED else []),
    ]
