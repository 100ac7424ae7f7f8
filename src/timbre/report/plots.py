"""Plots of trials' scores, and training curves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import scipy

from timbre.report.drawing import FAINT, FIRST, INK, STYLES, figure, svg


def _height(curves: Mapping[str, Any]) -> float:
    """Inches for square axes over a legend with a line a system."""
    return 3.9 + 0.22 * len(curves)


def roc(curves: Mapping[str, Mapping[str, np.ndarray]], eers: Mapping[str, float], name: str) -> str:
    """ROC of systems with the points of equal error; ``eers`` are shares from 0 to 1."""
    with figure(4.6, _height(curves)) as (drawn, axes):
        axes.plot([0, 100], [100, 0], color=FAINT, linewidth=1)
        for (system, curve), (colour, dashes) in zip(curves.items(), cycle(STYLES), strict=False):
            point = 100 * eers[system]
            label = f"{system}: EER {point:.2f} %"
            axes.plot(100 * curve["fpr"], 100 * (1 - curve["fnr"]), dashes, color=colour, label=label)
            axes.plot(point, 100 - point, "o", color=colour, clip_on=False)
        axes.set(xlabel="false alarms (%)", ylabel="targets accepted (%)", xlim=(0, 100), ylim=(0, 100))
        drawn.legend(loc="outside lower left")
        return svg(drawn, f"{name}-roc", "ROC curve with the point of equal error")


def det(curves: Mapping[str, Mapping[str, np.ndarray]], eers: Mapping[str, float], name: str) -> str:
    """DET curve (Martin et al. 1997): both error rates on the scale of normal deviates."""
    ticks = np.array([0.01, 0.1, 1, 5, 10, 20, 40, 60, 80])
    with figure(4.6, _height(curves)) as (drawn, axes):
        lowest = 0.2
        for (system, curve), (colour, dashes) in zip(curves.items(), cycle(STYLES), strict=False):
            inner = (curve["fpr"] > 0) & (curve["fnr"] > 0) & (curve["fpr"] < 1) & (curve["fnr"] < 1)
            fpr, fnr = curve["fpr"][inner], curve["fnr"][inner]
            lowest = min([lowest, *fpr, *fnr])
            axes.plot(scipy.special.ndtri(fpr), scipy.special.ndtri(fnr), dashes, color=colour, label=system)
            if 0 < eers[system] < 1:
                axes.plot(*[scipy.special.ndtri(eers[system])] * 2, "o", color=colour)
        limits = scipy.special.ndtri(max(lowest, 1e-4) * 0.9), scipy.special.ndtri(0.8)
        axes.plot(limits, limits, color=FAINT, linewidth=1, zorder=1)
        axes.set_xticks(scipy.special.ndtri(ticks / 100), [f"{tick:g}" for tick in ticks])
        axes.set_yticks(scipy.special.ndtri(ticks / 100), [f"{tick:g}" for tick in ticks])
        axes.set(xlabel="false alarms (%)", ylabel="misses (%)", xlim=limits, ylim=limits)
        drawn.legend(loc="outside lower left")
        return svg(drawn, f"{name}-det", "DET curve: misses against false alarms")


def histogram(curve: Mapping[str, np.ndarray], threshold: float, name: str) -> str:
    """The densities of target and nontarget scores, and the threshold of equal error."""
    with figure(4.6, 3.2) as (drawn, axes):
        for kind, (colour, dashes) in zip(("target", "nontarget"), STYLES, strict=False):
            axes.stairs(curve[kind], curve["edges"], color=colour, linestyle=dashes, linewidth=1.5, label=kind)
            axes.stairs(curve[kind], curve["edges"], color=colour, fill=True, alpha=0.2)
        axes.axvline(threshold, color=INK, linestyle=":", label=f"threshold {threshold:.3g}")
        axes.set(xlabel="score", ylabel="density")
        axes.legend()
        return svg(drawn, f"{name}-histogram", "Histograms of target and nontarget scores")


def conditions(
    rates: Mapping[str, Mapping[str, Any]],
    whole: float,
    name: str,
    mark: str = "all trials",
    label: str = "Equal error rate by condition",
) -> str:
    """EER with interval by condition (a dot and a bar each), and of the whole list (a line, called ``mark``)."""
    with figure(4.6, 0.9 + 0.35 * len(rates)) as (drawn, axes):
        for row, rate in enumerate(rates.values()):
            if rate["low"] is not None:
                axes.plot([100 * rate["low"], 100 * rate["high"]], [row, row], color=FIRST, linewidth=2)
            axes.plot(100 * rate["value"], row, "o", color=FIRST)
        axes.axvline(100 * whole, color=INK, linestyle=":", label=mark)
        axes.set_yticks(range(len(rates)), list(rates))
        axes.set(xlabel="EER (%), with 95 % interval", ylim=(len(rates) - 0.5, -0.5))
        axes.set_xlim(left=0)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1))
        return svg(drawn, f"{name}-conditions", label)


_PANELS = (
    ("loss", {"loss": "training", "heldout_loss": "held out"}, 1),
    (
        "accuracy (%)",
        {"accuracy": "training", "accuracy_margin": "training, with margin", "heldout_accuracy": "held out"},
        100,
    ),
    ("held-out EER (%)", {"heldout_eer": "held-out training speakers"}, 100),
    ("held-out error (%)", {"heldout_error": "held-out training utterances"}, 100),
    ("learning rate", {"learning_rate": "learning rate"}, 1),
)


_HELD_OUT = "heldout_"
_NO_MEASURES = ("epoch", "step", "margin_scale", "utterances_per_second", "waiting")


History = Sequence[Mapping[str, float]]
"""The lines of a ``history.jsonl``: what is known of each epoch."""


def training(histories: Sequence[History], name: str) -> str:
    """Loss, accuracy, held-out EER or error, and learning rate by epoch, as far as the histories know them.

    Whatever else a loss measures has a panel of its own, with its value on what is held out. Of several trainings
    (folds) each is a thin line, and their mean, as far as all of them went, a bold one.
    """
    several, known = len(histories) > 1, {key for history in histories for row in history for key in row}
    panels = [
        (label, {key: line for key, line in lines.items() if key in known}, scale)
        for label, lines, scale in (*_PANELS, *_further(known))
    ]
    panels = [panel for panel in panels if panel[1]]
    with figure(4.6 * max(1, len(panels) / 2), 4.6, 2, -(-len(panels) // 2)) as (drawn, grid):
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        for axes, (label, lines, scale) in zip(grid.flat, panels, strict=False):
            for (key, line), (colour, dashes) in zip(lines.items(), STYLES, strict=False):
                curves = [
                    {row["epoch"]: scale * row[key] for row in history if key in row} for history in histories
                ]
                look = {"linewidth": 0.7, "alpha": 0.6} if several else {"marker": ".", "label": line}
                for curve in curves:
                    axes.plot(list(curve), list(curve.values()), dashes, color=colour, **look)
                if several:
                    mean = "mean of folds" if len(lines) == 1 else f"{line}: mean of folds"
                    axes.plot(*_mean(curves), dashes, color=colour, linewidth=2.5, label=mean)
            axes.set(xlabel="epoch", ylabel=label)
            axes.xaxis.get_major_locator().set_params(integer=True)
            if len(lines) > 1 or several:
                axes.legend()
        return svg(drawn, f"{name}-training", "Training curves")


def _further(known: Collection[str]) -> Iterator[tuple[str, dict[str, str], int]]:
    """Panels of the measures that :data:`_PANELS` does not name."""
    named = {key for _, lines, _ in _PANELS for key in lines}
    measures = {key.removeprefix(_HELD_OUT) for key in known - named - set(_NO_MEASURES)}
    for name in sorted(measures):
        lines = {name: "training", _HELD_OUT + name: "held out"}
        yield name.replace("_", " "), {key: line for key, line in lines.items() if key not in named}, 1


def _mean(curves: Sequence[Mapping[int, float]]) -> tuple[list[int], np.ndarray]:
    """The epochs (E) that all curves have, and the mean (E,) of their values there."""
    epochs = sorted(set(curves[0]).intersection(*curves))
    return epochs, np.mean([[curve[epoch] for epoch in epochs] for curve in curves], axis=0)
