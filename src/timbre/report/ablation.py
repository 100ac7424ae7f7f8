"""An ablation as a Markdown table: each conf's accuracy over trainings with several seeds, and what it gains.

A conf is measured by the mean of its trainings. It is compared with the first conf by resampling trainings and
speakers, of one or two speakers the utterances (:func:`timbre.scoring.class_bootstrap.paired`): where the same conf
with another seed would do as well as the other conf, that is no difference. Experiments that were measured by parts
(languages) have a table for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from timbre.errors import TimbreError, some
from timbre.report.columns import speakers
from timbre.scoring.class_bootstrap import Decisions, paired, paired_recalls
from timbre.scoring.class_comparison import Tested
from timbre.scoring.difference import SIGNIFICANT, Difference
from timbre.scoring.evaluation import percent
from timbre.scoring.measured import CLASSIFICATION, System, read_metrics
from timbre.scoring.verdict import stamp

MEASURES = {"accuracy": "accuracy %", "recall": "recall (UA) %"}
"""What confs can be compared by; the other one stands beside it."""


def ablation(exps: Mapping[str, Sequence[Path]], trainings: str, measure: str = "accuracy") -> str:
    """The table, and under it what was tested on, what is resampled and what can be told; of parts one for each.

    Args:
        exps: the experiments of each conf, as many of each and in the same order of seeds; others are compared
            with the first.
        trainings: which they are: ``seeds 1, 2, 3``.
        measure: of :data:`MEASURES`, what they are compared by.

    Raises:
        TimbreError: for one conf; naming experiments without measures, of another task, and on other utterances.
    """
    if len(exps) < 2:
        raise TimbreError(f"an ablation compares two confs or more, with names of their own; found {some(exps)}")
    one = next(iter(exps.values()))[0]
    parts = [path.parent.name for path in sorted(one.glob("*/metrics.json"))]
    if not parts or (one / "metrics.json").exists():
        return _table(exps, trainings, measure, "")
    return "\n\n".join(f"#### {part}\n\n{_table(exps, trainings, measure, part)}" for part in parts)


def _table(exps: Mapping[str, Sequence[Path]], trainings: str, measure: str, part: str) -> str:
    """Of one part of what was tested; of the whole where it is ``""``."""
    every = [exp / part / "metrics.json" for row in exps.values() for exp in row]
    if missing := [str(path.parent) for path in every if not path.exists()]:
        said = f"{len(missing)} experiments have no metrics.json: {some(missing)}"
        raise TimbreError(f"{said}; train and score them (stages 1 to 4)")
    systems = {conf: [_system(exp / part) for exp in row] for conf, row in exps.items()}
    tested = Tested.of([system for row in systems.values() for system in row])
    decisions = {conf: [tested.decisions(system) for system in row] for conf, row in systems.items()}
    first, *others = exps
    how = systems[first][0].metrics["bootstrap"]
    found = {
        conf: _compared(decisions[conf], decisions[first], measure, (how["replicates"], how["seed"]))
        for conf in others
    }
    other = next(name for name in MEASURES if name != measure)
    head = ("conf", MEASURES[measure], "lowest–highest", MEASURES[other], "difference, points [95 %]", "p")
    rows = [head, ["---"] * len(head)]
    for conf, row in systems.items():
        beside = f"{_values(row, other).mean():.2f}"
        rows.append((f"`{conf}`", *_spread(_values(row, measure)), beside, *_difference(found.get(conf))))
    lines = [f"| {' | '.join(row)} |" for row in rows]
    stamps = dict.fromkeys(stamp(system.metrics) for row in systems.values() for system in row)
    counts = f"{len(tested.utterances):,} utterances of {speakers(tested.speakers.max() + 1)}"
    about = "; ".join(filter(None, (f"{counts}, {trainings}", *stamps)))
    lines += ["", f"{about}; SHA-256 of utterances and classes\n`{tested.sha256}`."]
    lines += [_resampled(len(systems[first]), how, measure), _verdict(first, found)]
    return "\n".join(lines)


def _system(exp: Path) -> System:
    metrics = read_metrics(exp)[""]
    if metrics.get("task") != CLASSIFICATION:
        raise TimbreError(f"{exp}/metrics.json: not of a classification; utils/compare.sh compares others")
    return System.of(exp, metrics)


def _compared(
    first: Sequence[Decisions], second: Sequence[Decisions], measure: str, how: tuple[int, int]
) -> Difference:
    if measure == "recall":
        return paired_recalls(first, second, *how)
    right = (np.stack([one.right for one in system]) for system in (first, second))
    return paired(*right, first[0].units, *how)


def _values(row: Sequence[System], measure: str) -> np.ndarray:
    """A measure in % of each training (K,)."""
    return 100 * np.array([system.metrics["systems"][system.name][measure]["value"] for system in row])


def _spread(values: np.ndarray) -> tuple[str, str]:
    """Mean ± standard deviation of trainings (K,), and the range."""
    deviation = f" ± {values.std(ddof=1):.2f}" if len(values) > 1 else ""
    return f"{values.mean():.2f}{deviation}", f"{values.min():.2f}–{values.max():.2f}"


def _difference(difference: Difference | None) -> tuple[str, str]:
    if difference is None:
        return "–", "–"
    return percent(difference.bounded), "–" if difference.p is None else f"{difference.p:.3f}"


def _resampled(trainings: int, how: Mapping[str, Any], measure: str) -> str:
    by = f"intervals and p by {how['replicates']:,} resamplings of the {how['resampled']}"
    said = f"Differences are from the first conf; {by}"
    if trainings == 1:
        what = "an accuracy" if measure == "accuracy" else "a recall"
        return f"{said};\nby how much another seed would change {what} is not in them."
    variance = f"{trainings} of which show {trainings - 1}/{trainings} of their variance"
    return f"{said}\nand, seed by seed, of the trainings, {variance}. ± is the standard deviation of the trainings."


def _verdict(first: str, found: Mapping[str, Difference]) -> str:
    """Which confs are better or worse than the first one, and which cannot be told from it."""
    kinds: dict[str, list[str]] = {"better than": [], "worse than": [], "not told from": []}
    for conf, difference in found.items():
        kind = ("better than" if difference.value > 0 else "worse than") if difference.told else "not told from"
        kinds[kind].append(f"`{conf}`")
    said = "; ".join(f"{kind} `{first}`: {', '.join(confs)}" for kind, confs in kinds.items() if confs)
    return f"{said[0].upper()}{said[1:]} (p below {SIGNIFICANT:g} tells)."
