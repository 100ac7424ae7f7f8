"""The measures of classifications as text: a table, who is taken for whom, and what both parts have in common."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from timbre.scoring.classification import BEST
from timbre.scoring.evaluation import aligned, percent

HEAD = ("system", "accuracy % [95 %]", "recall (UA) %", "F1 %", f"top-{BEST} %", "cross-entropy")
_CONFUSIONS = 5


def rows(metrics: dict[str, Any]) -> list[list[str]]:
    """A row a system, one for guessing, and one for the first system's difference from each other one."""
    first, classes = next(iter(metrics["systems"])), metrics["utterances"]["classes"]
    found = [
        [
            name,
            *(percent(values[key]) for key in ("accuracy", "recall", "f1", "top5")),
            f"{values['cross_entropy']:.3f}",
        ]
        for name, values in metrics["systems"].items()
    ]
    best = f"{100 * BEST / classes:.2f}" if classes > BEST else "–"
    found.append([f"chance (1/{classes})", *2 * [f"{100 / classes:.2f}"], "–", best, f"{math.log(classes):.3f}"])
    found += [
        [f"{first} − {name}", *(difference(values[key]) for key in ("accuracy", "recall", "f1")), "", ""]
        for name, values in metrics["differences"].items()
    ]
    return found


def difference(values: dict[str, float | None]) -> str:
    """``1.20 [0.40, 2.10], p 0.004`` of a difference of rates, as far as it has interval and p-value."""
    return percent(values) + ("" if values["p"] is None else f", p {values['p']:.3f}")


def table(metrics: dict[str, Any]) -> str:
    """All of it, for the terminal."""
    return "\n".join([aligned([HEAD, *rows(metrics)]), *_confusions(metrics["confusions"]), _tested(metrics)])


def _confusions(pairs: list[dict[str, Any]]) -> Iterator[str]:
    """The most frequent confusions of the first system."""
    for pair in pairs[:_CONFUSIONS]:
        further = pair["count"] - len(pair["utterances"])
        named = ", ".join(pair["utterances"]) + (f" and {further} more" if further else "")
        yield f"{pair['truth']} taken for {pair['taken_for']}: {pair['count']} of {pair['of']} utterances ({named})"
    if not pairs:
        yield "no errors"


def _tested(metrics: dict[str, Any]) -> str:
    """What was tested on, and what of it training knew."""
    tested, train = metrics["utterances"], metrics["train"]
    said = (
        f"{metrics['data']}: {tested['count']} utterances, {len(metrics['classes'])} of {tested['classes']} "
        f"classes, {tested['speakers']} speakers"
    )
    if train is None:
        return f"{said}; what training knew of them is not known (--train)"
    said += f", of whom {train['shared_speakers']} stand in {train['data']} too; "
    if train["sessions"] is None:
        return f"{said}sessions: not known (no utt2session), utterances of one may stand in both"
    return f"{said}sessions in both: {train['sessions']}"
