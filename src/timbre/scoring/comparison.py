"""Two experiments on the same trials: the difference of their error rates, and whether it can be told from chance.

Both are resampled with the same draws of speakers (:mod:`timbre.scoring.bootstrap`), which gives R differences
d_r = a_r − b_r: what is hard for both systems cancels. The 95 % interval reaches from their 2.5th to their 97.5th
percentile, and the two-sided p-value is by how much of them lies on the other side of zero:

    p = 2 · min(#{d_r ≤ 0}, #{d_r ≥ 0}) / R

It is set to 1/R at least, as R draws cannot show more, and to 1 at most, which systems with the same errors have.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from timbre.errors import TimbreError, did_you_mean
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.tables import locate
from timbre.kaldi.trials import Trials, read_scores_of, read_trials, sha256
from timbre.scoring.bootstrap import PRIORS, Speakers, interval, replicates, speakers_of
from timbre.scoring.evaluation import aligned, bounded, speaker_of_id
from timbre.scoring.metrics import eer, min_dcf, roc_curve

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Difference:
    """A measure of two systems, ``first − second`` with its 95 % interval, and the p-value of no difference.

    Interval and p-value are ``None`` where resampling cannot tell (:func:`timbre.scoring.bootstrap.interval`);
    systems with the same errors have no interval, and a p-value of 1.
    """

    first: float
    second: float
    low: float | None
    high: float | None
    p: float | None

    @property
    def value(self) -> float:
        """``first − second``: below zero where the first is better."""
        return self.first - self.second

    @property
    def told(self) -> bool:
        """Whether one of them is better, at the level of 5 %."""
        return self.p is not None and self.p < SIGNIFICANT


def p_value(differences: np.ndarray) -> float | None:
    """The two-sided p-value of paired replicates ``(R,)``; ``None`` where a tenth of them or more are NaN."""
    known = differences[~np.isnan(differences)]
    if len(known) <= 0.9 * len(differences):
        return None
    beyond = min(np.count_nonzero(known <= 0), np.count_nonzero(known >= 0))
    return float(min(1.0, max(1.0, 2.0 * beyond) / len(known)))


def paired(
    first: np.ndarray, second: np.ndarray, target: np.ndarray, speakers: Speakers, count: int = 1000, seed: int = 0
) -> dict[str, Difference]:
    """Compares scores (N,) and (N,) of the same trials: ``{"eer": …, "min_dcf_0.01": …, …}``."""
    draws = [replicates(scores, target, speakers, count, seed) for scores in (first, second)]
    points = []
    for roc in (roc_curve(first, target), roc_curve(second, target)):
        points.append({"eer": eer(roc).value} | {f"min_dcf_{prior:g}": min_dcf(roc, prior) for prior in PRIORS})
    found = {}
    for name in points[0]:
        differences = draws[0][name] - draws[1][name]
        low, high = interval(differences) or (None, None)
        found[name] = Difference(points[0][name], points[1][name], low, high, p_value(differences))
    return found


def metrics_files(exp: Path) -> list[Path]:
    """The ``metrics.json`` of an experiment and of the folders right under it, where there are any."""
    return [path for path in (exp / "metrics.json", *sorted(exp.glob("*/metrics.json"))) if path.exists()]


def read_metrics(exp: str | Path) -> dict[str, dict[str, Any]]:
    """The ``metrics.json`` of an experiment by trial list: ``""`` for its own, the folder's name for further ones.

    Raises:
        TimbreError: where there is none, or one that cannot be read.
    """
    exp = Path(exp)
    paths = metrics_files(exp)
    if not paths:
        raise TimbreError(f"{exp}: no metrics.json; steps/evaluate.sh (stage 4) makes it")
    found = {}
    for path in paths:
        try:
            metrics = json.loads(path.read_text(encoding="utf-8"))
            metrics["trials"]["sha256"], next(iter(metrics["systems"]))
        except (OSError, ValueError, KeyError, StopIteration) as error:
            raise TimbreError(f"{path}: not the measures of a trial list ({error!r}); evaluate again") from error
        found[path.parent.name if path.parent != exp else ""] = metrics
    return found


def compare(first: str | Path, second: str | Path, system: str | None = None) -> str:
    """Compares two experiments on each trial list that both have; returns the tables and the verdicts as text.

    Args:
        system: a name in ``systems`` of their ``metrics.json``; ``None``: the first of each, the experiment's own.

    Raises:
        TimbreError: naming the list, for lists that differ or that only one has scores for, and what is missing.
    """
    exps = (Path(first), Path(second))
    metrics = [read_metrics(exp) for exp in exps]
    common = [part for part in metrics[0] if part in metrics[1]]
    if not common:
        theirs = " and ".join(
            f"{exp} has {', '.join(part or 'metrics.json' for part in here)}"
            for exp, here in zip(exps, metrics, strict=True)
        )
        raise TimbreError(f"no trial list in common: {theirs}; score one list with both")
    blocks = [_compare_list(exps, (metrics[0][part], metrics[1][part]), part, system) for part in common]
    blocks += [
        f"{part or 'metrics.json'}: only {exp} has this list"
        for exp, here in zip(exps, metrics, strict=True)
        for part in here
        if part not in common
    ]
    return "\n\n".join(blocks)


def _compare_list(exps: tuple[Path, Path], metrics: tuple[dict, dict], part: str, system: str | None) -> str:
    """Table and verdict of one trial list, which must be that of both."""
    lists = [values["trials"] for values in metrics]
    if lists[0]["sha256"] != lists[1]["sha256"]:
        said = " and ".join(
            f"{exp / part}: {trials['path']} ({trials['count']} trials, SHA-256 {trials['sha256'][:12]}…)"
            for exp, trials in zip(exps, lists, strict=True)
        )
        raise TimbreError(f"different trial lists cannot be compared: {said}; score one list with both")
    path = Path(lists[0]["path"])
    if not path.exists() or sha256(path) != lists[0]["sha256"]:
        state = "is another list now" if path.exists() else "no such file"
        digest = f"{lists[0]['sha256'][:12]}…"
        raise TimbreError(f"{path}: {state}; the scores are of SHA-256 {digest}; call this in the recipe's folder")
    trials, data, how = read_trials(path), DataDir(metrics[0]["data"]), metrics[0]["bootstrap"]
    speakers = speakers_of(trials, speaker_of_id(data), path, data.path / "utt2spk")
    systems = [system or next(iter(values["systems"])) for values in metrics]
    scores = [_scores(exp / part, *rest, trials) for exp, *rest in zip(exps, metrics, systems, strict=True)]
    found = paired(*scores, trials.target, speakers, how["replicates"], how["seed"])
    names = tuple(systems)
    if names[0] == names[1]:  # told apart by their experiments
        names = tuple(f"{exp}: {name}" for exp, name in zip(exps, names, strict=True))
    head = (
        f"{path}: {lists[0]['targets']} target and {lists[0]['nontargets']} nontarget trials of "
        f"{lists[0]['speakers']} speakers, SHA-256 {lists[0]['sha256']}"
    )
    return "\n".join([head, table(names, found), verdict(names, found)])


def _scores(folder: Path, metrics: dict[str, Any], system: str, trials: Trials) -> np.ndarray:
    """A system's scores (N,) of the trials."""
    if system not in metrics["systems"]:
        raise TimbreError(f"{folder}/metrics.json: no system '{system}'{did_you_mean(system, metrics['systems'])}")
    path = locate(metrics["systems"][system]["scores"], folder / "metrics.json")
    if not path.exists():
        raise TimbreError(f"{path}: no such file, the scores of '{system}' of {folder}; score again (stage 4)")
    return read_scores_of(trials, path)


def table(names: tuple[str, str], found: dict[str, Difference]) -> str:
    """The differences as text, a row a measure; the EER in %."""
    rows = [("", *names, "difference [95 %]", "p")]
    for measure, difference in found.items():
        scale, digits = (100, 2) if measure == "eer" else (1, 3)
        points = (f"{scale * value:.{digits}f}" for value in (difference.first, difference.second))
        bounds = {"value": difference.value, "low": difference.low, "high": difference.high}
        shown = bounded({key: value and scale * value for key, value in bounds.items()}, digits)
        p = "–" if difference.p is None else f"{difference.p:.3f}"
        rows.append((_label(measure) + (" %" if measure == "eer" else ""), *points, shown, p))
    return aligned(rows)


def verdict(names: tuple[str, str], found: dict[str, Difference]) -> str:
    """The answer in words: who is better by which measures, and by which it cannot be told."""
    better: dict[str, list[str]] = {}
    for measure, difference in found.items():
        who = names[difference.value > 0] if difference.told else ""
        better.setdefault(who, []).append(_label(measure))
    untold = better.pop("", [])
    said = [f"{who} is better by {', '.join(measures)}." for who, measures in better.items()]
    if untold:
        said.append(f"By {', '.join(untold)} it cannot be told which is better (no p below {SIGNIFICANT:g}).")
    return " ".join(said)


def _label(measure: str) -> str:
    return "EER" if measure == "eer" else f"minDCF({measure.removeprefix('min_dcf_')})"
