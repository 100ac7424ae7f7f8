"""What the page shows of a fusion's gate: mean weights of streams by language and emotion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb

from timbre.errors import TimbreError
from timbre.report.drawing import FIRST, figure, stamped, svg
from timbre.scoring import gates


def section(path: Path, stamp: str) -> dict[str, Any] | None:
    """What ``gates.html`` needs of ``gates.json`` (:func:`timbre.scoring.gates.measure_gates`), if there is one.

    Args:
        stamp: how the speech was tested, under the picture.
    """
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        head, *rows = gates.rows(found)
        drawn = stamped(heat_map(found), stamp)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TimbreError(f"{path}: cannot be read ({error!r}); measure the gates again (stage 4)") from error
    shares = gates.closed(found)
    resampled = sorted({values["resampled"] for values in found["languages"].values()})
    return {
        "head": head,
        "rows": rows,
        "plot": Markup(drawn),
        "how": found["bootstrap"],
        "resampled": resampled,
        "closed": shares,
    }


def heat_map(found: dict[str, Any]) -> str:
    """The mean weights: a row for each language and emotion, a column for each stream, darker for more."""
    rows = [
        (language, name, [rate["value"] for rate in values["weights"].values()])
        for language, one in found["languages"].items()
        for name, values in one["classes"].items()
    ]
    weights = np.array([values for _, _, values in rows])
    places = np.argwhere(np.ones_like(weights, dtype=bool))
    corners = np.array([[-0.5, -0.5], [-0.5, 0.5], [0.5, 0.5], [0.5, -0.5]])
    opacity = np.clip(weights.ravel(), 0, 1) / max(float(weights.max()), 1e-9) * 0.6
    colours = np.column_stack([np.tile(to_rgb(FIRST), (len(opacity), 1)), opacity])
    with figure(1.8 + 0.9 * len(found["streams"]), 0.8 + 0.24 * len(rows)) as (drawn, axes):
        axes.add_collection(PolyCollection(places[:, None, ::-1] + corners, facecolors=colours, linewidths=0))
        for row, column in places:
            axes.text(column, row, f"{weights[row, column]:.2f}", ha="center", va="center", fontsize=8)
        first = [n for n, (_, name, _) in enumerate(rows) if name == gates.ALL and n]
        axes.hlines(np.array(first) - 0.5, -0.5, len(found["streams"]) - 0.5, color=FIRST, linewidth=0.8)
        axes.set_xticks(range(len(found["streams"])), found["streams"])
        named = [" ".join(row[: -1 - len(found["streams"])]) for row in gates.rows(found)[1:]]
        axes.set_yticks(range(len(rows)), named)
        axes.xaxis.tick_top()
        axes.grid(False)
        axes.set(xlim=(-0.5, len(found["streams"]) - 0.5), ylim=(len(rows) - 0.5, -0.5))
        return svg(drawn, "gates", "Mean weight of each stream by language and emotion")
