"""Two experiments compared: which one is better by what, on every trial list or labelled part that both have.

Those of verification are compared here, those of classification in :mod:`timbre.scoring.class_comparison`; when a
difference is told from chance, says :mod:`timbre.scoring.difference`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.trials import read_scores_of, read_trials, sha256
from timbre.scoring.bootstrap import PRIORS, Speakers, replicates, speakers_of
from timbre.scoring.class_comparison import compare_classes
from timbre.scoring.difference import Difference, table, verdict
from timbre.scoring.evaluation import speaker_of_id
from timbre.scoring.measured import CLASSIFICATION, System, read_metrics
from timbre.scoring.metrics import eer, min_dcf, roc_curve


def paired(
    first: np.ndarray, second: np.ndarray, target: np.ndarray, speakers: Speakers, count: int = 1000, seed: int = 0
) -> dict[str, Difference]:
    """Compares scores (N,) and (N,) of the same trials: ``{"eer": …, "min_dcf_0.01": …, …}``."""
    draws = [replicates(scores, target, speakers, count, seed) for scores in (first, second)]
    points = []
    for roc in (roc_curve(first, target), roc_curve(second, target)):
        points.append({"eer": eer(roc).value} | {f"min_dcf_{prior:g}": min_dcf(roc, prior) for prior in PRIORS})
    return {
        name: Difference.of(points[0][name], points[1][name], draws[0][name] - draws[1][name]) for name in points[0]
    }


def compare(first: str | Path, second: str | Path, system: str | None = None) -> str:
    """Compares two experiments on each trial list, or part, that both have; returns tables and verdicts as text.

    Args:
        system: a name in ``systems`` of their ``metrics.json``; ``None``: the first of each, the experiment's own.

    Raises:
        TimbreError: for tasks, lists or labels that differ, naming them, and for what is missing.
    """
    exps = (Path(first), Path(second))
    metrics = [read_metrics(exp) for exp in exps]
    common = [part for part in metrics[0] if part in metrics[1]]
    if not common:
        theirs = " and ".join(
            f"{exp} has {', '.join(part or 'metrics.json' for part in here)}"
            for exp, here in zip(exps, metrics, strict=True)
        )
        raise TimbreError(f"nothing in common to compare on: {theirs}; evaluate one list or part with both")
    blocks = []
    for part in common:
        systems = [System.of(exp / part, here[part], system) for exp, here in zip(exps, metrics, strict=True)]
        blocks.append(_compare_part(*systems))
    blocks += [
        f"{part or 'metrics.json'}: only {exp} has it"
        for exp, here in zip(exps, metrics, strict=True)
        for part in here
        if part not in common
    ]
    return "\n\n".join(blocks)


def _compare_part(first: System, second: System) -> str:
    """What was tested on, table and verdict."""
    tasks = [system.metrics.get("task", "verification") for system in (first, second)]
    if tasks[0] != tasks[1]:
        theirs = " and ".join(
            f"{system.folder}: {task}" for system, task in zip((first, second), tasks, strict=True)
        )
        raise TimbreError(f"different tasks cannot be compared: {theirs}")
    tested, found = (compare_classes if tasks[0] == CLASSIFICATION else compare_trials)(first, second)
    names = (first.name, second.name)
    if first.name == second.name:  # told apart by their experiments
        names = (f"{first.folder}: {first.name}", f"{second.folder}: {second.name}")
    return "\n".join([tested, table(names, found), verdict(names, found)])


def compare_trials(first: System, second: System) -> tuple[str, dict[str, Difference]]:
    """What the trials are, which must be those of both, and the differences by measure."""
    lists = [system.metrics["trials"] for system in (first, second)]
    if lists[0]["sha256"] != lists[1]["sha256"]:
        said = " and ".join(
            f"{system.folder}: {trials['path']} ({trials['count']} trials, SHA-256 {trials['sha256'][:12]}…)"
            for system, trials in zip((first, second), lists, strict=True)
        )
        raise TimbreError(f"different trial lists cannot be compared: {said}; score one list with both")
    path = Path(lists[0]["path"])
    if not path.exists() or sha256(path) != lists[0]["sha256"]:
        state = f"is another list now (SHA-256 {sha256(path)[:12]}…)" if path.exists() else "no such file"
        digest = f"{lists[0]['sha256'][:12]}…"
        raise TimbreError(f"{path}: {state}; the scores are of SHA-256 {digest}; call this in the recipe's folder")
    trials, data, how = read_trials(path), DataDir(first.metrics["data"]), first.metrics["bootstrap"]
    speakers = speakers_of(trials, speaker_of_id(data), path, data.path / "utt2spk")
    scores = [read_scores_of(trials, system.output("scores")) for system in (first, second)]
    tested = (
        f"{path}: {lists[0]['targets']} target and {lists[0]['nontargets']} nontarget trials of "
        f"{lists[0]['speakers']} speakers, SHA-256 {lists[0]['sha256']}"
    )
    return tested, paired(*scores, trials.target, speakers, how["replicates"], how["seed"])
