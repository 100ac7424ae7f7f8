"""Plots of classifications: accuracies of systems and speakers, recalls of classes, who is taken for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb

from timbre.report.drawing import FIRST, INK, SECOND, figure, svg

SMALL = 12
"""Up to so many classes the confusion matrix has its counts written in, and bars are not set closely."""

_LONGEST = 24  # characters of a class's name


def bars(
    rates: Mapping[str, Mapping[str, Any]], by: str, mark: tuple[str, float], name: str, measure: str = "accuracy"
) -> str:
    """Rates with their intervals (a bar with a line each), and a line to hold them against.

    Args:
        rates: ``value``, and ``low`` and ``high`` where they are known; shares from 0 to 1.
        by: what they are rates of: ``system``, ``speaker``.
        mark: what the dotted line shows, and where it is.
    """
    said, place = mark
    with figure(4.6, 1.1 + (0.35 if len(rates) <= SMALL else 0.22) * len(rates)) as (drawn, axes):
        for row, rate in enumerate(rates.values()):
            axes.barh(row, 100 * rate["value"], height=0.6, color=FIRST, alpha=0.5)
            if rate["low"] is not None:
                axes.plot([100 * rate["low"], 100 * rate["high"]], [row, row], color=INK, linewidth=2)
        axes.axvline(100 * place, color=SECOND, linestyle=":", label=f"{said} {100 * place:.2f} %")
        axes.set_yticks(range(len(rates)), [_short(each) for each in rates])
        axes.set(xlabel=f"{measure} (%), with 95 % interval", xlim=(0, 100), ylim=(len(rates) - 0.5, -0.5))
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1))
        return svg(drawn, f"{name}-{by}", f"{measure.capitalize()} by {by}")


def sorted_recalls(values: np.ndarray, mean: float, name: str) -> str:
    """The recalls (C,) of many classes from the lowest to the highest, and their mean; shares from 0 to 1."""
    with figure(4.6, 3.2) as (drawn, axes):
        axes.stairs(100 * np.sort(values), np.arange(len(values) + 1), color=FIRST, fill=True, alpha=0.5)
        axes.axhline(100 * mean, color=INK, linestyle=":", label=f"mean {100 * mean:.2f} %")
        axes.set(xlabel="classes, by their recall", ylabel="recall (%)", xlim=(0, len(values)), ylim=(0, 100))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1))
        return svg(drawn, f"{name}-recalls", "Recalls of the classes, sorted")


def confusion(matrix: np.ndarray, chosen: Sequence[int], classes: Sequence[str], name: str) -> str:
    """A confusion matrix: the more of a row's utterances a cell has, the darker; on the diagonal they are right.

    Args:
        matrix: counts (C, C), rows the truth.
        chosen: the classes to show, in this order; shares are of all of a row, counts of other classes included.
        classes: the names (C,).
    """
    counts = matrix[np.ix_(chosen, chosen)]
    shares = counts / np.maximum(matrix[chosen].sum(axis=1, keepdims=True), 1)
    few = len(chosen) <= SMALL
    rows, columns = np.nonzero(counts)
    colours = np.where((rows == columns)[:, None], to_rgb(FIRST), to_rgb(SECOND))
    # A single utterance must be seen, and what is written on a cell must be read.
    opacity = 0.12 + (0.4 if few else 0.88) * shares[rows, columns]
    corners = np.array([[-0.5, -0.5], [-0.5, 0.5], [0.5, 0.5], [0.5, -0.5]])
    cells = np.column_stack([columns, rows])[:, None] + corners
    size = 4.6 if few else 9.2  # the width of half a page, or of a page
    with figure(size, size) as (drawn, axes):
        axes.add_collection(PolyCollection(cells, facecolors=np.column_stack([colours, opacity]), linewidths=0))
        if few:
            for row, column in zip(rows, columns, strict=True):
                axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=8)
        names = [_short(classes[number]) for number in chosen]
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
        axes.grid(False)
        axes.set(xlabel="taken for", ylabel="truth", aspect="equal")
        axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5))
        return svg(drawn, f"{name}-confusion", "Confusion matrix")


def most_confused(matrix: np.ndarray, most: int) -> np.ndarray:
    """The numbers of the at most ``most`` classes that confusions are most frequent between, pair beside pair.

    Pairs count both ways, and the most frequent ones come first.
    """
    rows, columns = np.nonzero(matrix)
    wrong = rows != columns
    rows, columns = rows[wrong], columns[wrong]
    pairs, which = np.unique(np.sort(np.column_stack([rows, columns]), axis=1), axis=0, return_inverse=True)
    counts = np.bincount(which.ravel(), weights=matrix[rows, columns])
    members = pairs[np.argsort(-counts, kind="stable")].ravel()
    found, places = np.unique(members, return_index=True)
    return found[np.argsort(places)][:most]


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
