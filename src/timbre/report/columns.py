"""What a table of results shows: for each task its columns, and the order of its rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from timbre.report.published import Published
from timbre.scoring.bootstrap import PRIORS
from timbre.scoring.classification import COMPARED
from timbre.scoring.evaluation import bounded, percent
from timbre.scoring.verdict import not_above, stamp

BASELINE = "untrained baseline"
"""The system of a verification that is the same in all experiments: ``--baseline-name`` of evaluate."""

NOTHING = "–"


class Columns(ABC):
    """The columns of a task, between the name of a row and what its model is.

    Attributes:
        tested: the key of ``metrics.json`` that says what was tested on: ``count``, ``speakers``, ``sha256``.
        measure: what a row stands by; published figures give it in %, or else ``instead``.
        head: the names of the columns.
    """

    tested: str
    measure: str
    instead: str | None = None
    head: tuple[str, ...]

    @abstractmethod
    def place(self, value: float) -> float:
        """By what a row with this measure is sorted: the lowest comes first."""

    def figure(self, published: Published) -> float | None:
        """What a published figure stands by; ``None`` of one of another task."""
        value = getattr(published, self.measure)
        return getattr(published, self.instead) if value is None and self.instead else value

    @abstractmethod
    def cells(self, measures: dict[str, Any]) -> tuple[str, ...]:
        """The measures of a system."""

    @abstractmethod
    def published(self, figure: Published) -> tuple[str, ...]:
        """What there is of a published figure."""

    @abstractmethod
    def is_baseline(self, number: int, system: str) -> bool:
        """Whether a system, by its place from 0 and its name, is not the experiment's own."""

    @abstractmethod
    def about(self, metrics: dict[str, Any]) -> str:
        """What was tested on: counts, hash, and what of it training knew; rows of one table have it in common."""

    def not_above(self, metrics: dict[str, Any]) -> list[str]:
        """What the experiment's own system should be better than and is not, as far as it can be told."""
        return []

    def further(self, metrics: dict[str, Any]) -> Iterable[tuple[float, tuple[str, ...]]]:
        """Rows of what is no system: the measure, and name and cells."""
        return ()


class Verification(Columns):
    """EER, the lowest first, and minDCF."""

    tested, measure = "trials", "eer"
    head = ("EER % [95 %]", *(f"minDCF({prior:g})" for prior in PRIORS))

    def place(self, value: float) -> float:
        return value

    def cells(self, measures: dict[str, Any]) -> tuple[str, ...]:
        return (percent(measures["eer"]), *(bounded(measures[f"min_dcf_{prior:g}"]) for prior in PRIORS))

    def published(self, figure: Published) -> tuple[str, ...]:
        min_dcf = NOTHING if figure.min_dcf is None else f"*{figure.min_dcf:.3f}*"
        return f"*{figure.eer:.2f}*", min_dcf, NOTHING

    def is_baseline(self, number: int, system: str) -> bool:
        return system == BASELINE

    def about(self, metrics: dict[str, Any]) -> str:
        trials = metrics["trials"]
        return (
            f"{trials['count']:,} trials ({trials['targets']:,} targets) of {trials['speakers']:,} speakers; "
            f"SHA-256 of the list\n`{trials['sha256']}`."
        )


class Classification(Columns):
    """Accuracy, the highest first; all systems but the first are baselines, and chance is one."""

    tested, measure, instead = "utterances", "accuracy", "recall"
    head = ("accuracy % [95 %]", "recall (UA) % [95 %]", "F1 % [95 %]")

    def place(self, value: float) -> float:
        return -value

    def cells(self, measures: dict[str, Any]) -> tuple[str, ...]:
        return tuple(percent(measures[key]) for key in COMPARED)

    def published(self, figure: Published) -> tuple[str, ...]:
        shown = (NOTHING if value is None else f"*{value:.2f}*" for value in (figure.accuracy, figure.recall))
        return *shown, NOTHING

    def is_baseline(self, number: int, system: str) -> bool:
        return number > 0

    def about(self, metrics: dict[str, Any]) -> str:
        tested = metrics["utterances"]
        classes = f"{tested['classes']:,} classes (`{metrics['labels']}`)"
        counts = f"{tested['count']:,} utterances of {classes}, {speakers(tested['speakers'])}"
        sha256 = f"SHA-256 of the list\n`{tested['sha256']}`."
        return "; ".join(filter(None, (counts, stamp(metrics), sha256)))

    def not_above(self, metrics: dict[str, Any]) -> list[str]:
        return not_above(metrics)

    def further(self, metrics: dict[str, Any]) -> Iterable[tuple[float, tuple[str, ...]]]:
        chance = f"{100 * metrics['chance']:.2f}"
        yield metrics["chance"], ("chance", chance, chance, NOTHING)


COLUMNS: dict[str, Columns] = {"verification": Verification(), "classification": Classification()}
"""By task."""


def speakers(count: int) -> str:
    """``1 speaker``, ``1,251 speakers``."""
    return f"{count:,} speaker{'' if count == 1 else 's'}"


def task_of(metrics: dict[str, Any]) -> str:
    """The task of a ``metrics.json``: of verification where it names none."""
    return metrics.get("task", "verification")
