"""What the page shows of a trial list's measures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from timbre.report import plots
from timbre.scoring.bootstrap import PRIORS
from timbre.scoring.evaluation import calibrated

ARRAYS = "curves.npz"
"""What :func:`timbre.scoring.evaluation.evaluate` writes for the plots, beside ``metrics.json``."""


def evaluation(metrics: dict[str, Any], arrays: Mapping[str, np.ndarray], name: str) -> dict[str, Any]:
    """What ``verification.html`` needs.

    Args:
        metrics: the content of ``metrics.json``.
        arrays: the content of :data:`ARRAYS`.
        name: keeps the ids of the plots apart from those of other evaluations on the page.
    """
    curves: dict[str, dict[str, np.ndarray]] = {system: {} for system in metrics["systems"]}
    for key, array in arrays.items():
        system, _, curve = key.rpartition("/")
        curves[system][curve] = array
    first = next(iter(metrics["systems"]))
    measures = metrics["systems"][first]
    eers = {system: values["eer"]["value"] for system, values in metrics["systems"].items()}
    rates = {condition: values["eer"] for condition, values in metrics["conditions"].items() if values["eer"]}
    drawn = {
        "roc": plots.roc(curves, eers, name),
        "det": plots.det(curves, eers, name),
        "histogram": plots.histogram(curves[first], measures["threshold"], name),
        "conditions": plots.conditions(rates, eers[first], name) if rates else "",
    }
    return {
        "template": "verification.html",
        "metrics": metrics,
        "priors": PRIORS,
        "first": first,
        "measures": measures,
        "calibrated": calibrated(metrics),
        "plots": {key: Markup(svg) for key, svg in drawn.items()},
    }
