"""What the page shows of a front-end that was trained without classes: its measures, trained and held out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TASKS = {
    "self_supervised": "Trained on speech alone, without labels.",
    "phones": "Trained on speech and its phones.",
}
"""The tasks of such experiments, and what is to be said of them."""

_HELD_OUT = "heldout_"
_NO_MEASURES = ("epoch", "step", "learning_rate", "utterances_per_second", "waiting")


def summary(task: str, history: list[Mapping[str, float]]) -> dict[str, Any]:
    """What ``front_end.html`` needs: of each measure its values in the first and the last epoch.

    Args:
        history: the lines of ``history.jsonl``, one at least.
    """
    first, last = history[0], history[-1]
    names = dict.fromkeys(key.removeprefix(_HELD_OUT) for key in last if key not in _NO_MEASURES)
    return {
        "said": TASKS[task],
        "epochs": len(history),
        "rows": [
            (
                name.replace("_", " "),
                *(_shown(row, key) for key in (name, _HELD_OUT + name) for row in (first, last)),
            )
            for name in names
        ],
    }


def _shown(row: Mapping[str, float], key: str) -> str:
    return f"{row[key]:.4g}" if key in row else "–"
