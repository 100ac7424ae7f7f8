"""What the page shows of a phone recogniser's errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from timbre.scoring import phones

ARRAYS = None
"""All that is measured stands in ``metrics.json``."""


def evaluation(metrics: dict[str, Any], arrays: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What ``phones.html`` needs of ``metrics.json`` (:func:`timbre.scoring.phones.evaluate_phones`)."""
    return {
        "template": "phones.html",
        "metrics": metrics,
        "data": [part["data"] for part in metrics["parts"].values()],
        "head": phones.HEAD,
        "rows": phones.rows(metrics),
        "headline": {part: found["languages"][phones.ALL] for part, found in metrics["parts"].items()},
    }
