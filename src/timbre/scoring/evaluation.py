"""All measures of a trial list's scores, of one system or several, as plain data for ``metrics.json``.

Rates are shares from 0 to 1. Intervals are 95 % and resample speakers (:mod:`timbre.scoring.bootstrap`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from timbre.errors import TimbreError, did_you_mean, some
from timbre.kaldi.atomic import atomic_write, together
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.trials import read_scores_of, read_trials, sha256
from timbre.scoring.bootstrap import PRIORS, Speakers, replicates, speakers_of, with_interval
from timbre.scoring.calibration import cllr, min_cllr
from timbre.scoring.conditions import conditions
from timbre.scoring.metrics import Roc, act_dcf, between, eer, kaldi_eer, min_dcf, roc_curve
from timbre.scoring.trial_lists import count_repeated, refuse_own_speech
from timbre.scoring.worst import worst_trials


def evaluate(
    data: str | Path,
    trials_path: str | Path,
    systems: dict[str, str | Path],
    out: str | Path,
    count: int = 1000,
    seed: int = 0,
    llrs: Sequence[str] = (),
) -> dict[str, Any]:
    """Writes ``metrics.json`` and ``curves.npz`` (for the plots) to ``out``; returns the metrics.

    Args:
        data: the data directory of the trials: ``utt2spk``, ``enrol`` where trials name models, and ``spk2gender``
            and ``utt2dur`` where known.
        systems: score files by name; the first is the system evaluated, the others are what it is compared with.
        count: bootstrap replicates.
        llrs: the systems whose scores are log-likelihood ratios in nats, which are measured as such, too.
    """
    directory = DataDir(data)
    for name in llrs:
        if name not in systems:
            raise TimbreError(f"--llr {name}: no system is called so{did_you_mean(name, systems)}")
    trials = read_trials(trials_path)
    speakers = speakers_of(trials, speaker_of_id(directory), trials_path, directory.path / "utt2spk")
    refuse_own_speech(trials, directory.models if directory.has("enrol") else {}, trials_path)
    scores = {name: read_scores_of(trials, path) for name, path in systems.items()}
    metrics: dict[str, Any] = {
        "data": str(data),
        "trials": {
            "path": str(trials_path),
            "sha256": sha256(trials_path),
            "count": len(trials),
            "targets": int(trials.target.sum()),
            "nontargets": int((~trials.target).sum()),
            "repeated": count_repeated(trials),
            "speakers": len(speakers.names),
        },
        "bootstrap": {"resampled": "speakers", "level": 0.95, "seed": seed},
        "systems": {},
    }
    curves: dict[str, np.ndarray] = {}
    draws: dict[str, dict[str, np.ndarray]] = {}
    for name, values in scores.items():
        try:
            roc = roc_curve(values, trials.target)
        except TimbreError as error:
            raise TimbreError(f"{trials_path}: {error}") from None
        draws[name] = replicates(values, trials.target, speakers, count, seed)
        metrics["systems"][name] = _measures(roc, values, trials.target, draws[name])
        if name in llrs:
            metrics["systems"][name] |= _calibration(values, trials.target)
        metrics["systems"][name]["scores"] = str(systems[name])
        curves |= {f"{name}/{key}": curve for key, curve in _curves(roc, values, trials.target).items()}
    first, *others = scores
    metrics["bootstrap"]["replicates"] = len(draws[first]["eer"])
    metrics["differences"] = {
        name: {
            key: with_interval(
                metrics["systems"][first][key]["value"] - metrics["systems"][name][key]["value"], pairs
            )
            for key, pairs in ((key, draws[first][key] - draws[name][key]) for key in draws[first])
        }
        for name in others
    }
    threshold = metrics["systems"][first]["threshold"]
    metrics["conditions"] = {
        name: _condition(scores[first][mask], trials.target[mask], speakers.take(mask), threshold, count, seed)
        for name, mask in conditions(directory, trials, speakers).items()
    }
    metrics["worst"] = worst_trials(trials, scores[first], speakers, threshold)
    with together(), atomic_write(Path(out) / "metrics.json") as file:
        with atomic_write(Path(out) / "curves.npz", "wb") as arrays:
            np.savez(arrays, **curves)
        file.write(json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False) + "\n")
    return metrics


def speaker_of_id(data: DataDir) -> dict[str, str]:
    """The speaker of each id that trials may name: of speakers, utterances, and models (table ``enrol``).

    Raises:
        TimbreError: for a model of utterances of several speakers.
    """
    utt2spk = data.utt2spk
    speaker = {name: name for name in utt2spk.values()} | utt2spk
    for model, utterances in data.models.items():
        speakers = {utt2spk[utterance] for utterance in utterances}
        if len(speakers) > 1:
            raise TimbreError(
                f"{data.path}/enrol: the model '{model}' has utterances of {some(sorted(speakers))}; a model is of "
                "one speaker"
            )
        speaker[model] = speakers.pop()
    return speaker


def _measures(roc: Roc, scores: np.ndarray, target: np.ndarray, draws: dict[str, np.ndarray]) -> dict[str, Any]:
    point = eer(roc)
    return {
        "eer": with_interval(point.value, draws["eer"]),
        **{
            f"min_dcf_{prior:g}": with_interval(min_dcf(roc, prior), draws[f"min_dcf_{prior:g}"])
            for prior in PRIORS
        },
        "eer_kaldi": kaldi_eer(scores, target)[0],
        "threshold": between(point.threshold, scores),
        "misses": point.misses,
        "false_alarms": point.false_alarms,
    }


def _calibration(llr: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """How good log-likelihood ratios are as such, for decisions at Bayes' thresholds and as information."""
    return {
        **{f"act_dcf_{prior:g}": act_dcf(llr, target, prior) for prior in PRIORS},
        "cllr": cllr(llr, target),
        "min_cllr": min_cllr(llr, target),
    }


def _condition(
    scores: np.ndarray, target: np.ndarray, speakers: Speakers, threshold: float, count: int, seed: int
) -> dict[str, Any]:
    """Errors at the threshold of the whole list, and the EER where there are targets and nontargets."""
    result: dict[str, Any] = {
        "targets": int(target.sum()),
        "nontargets": int((~target).sum()),
        "misses": int((scores[target] < threshold).sum()),
        "false_alarms": int((scores[~target] >= threshold).sum()),
        "eer": None,
    }
    if result["targets"] and result["nontargets"]:
        draws = replicates(scores, target, speakers, count, seed, priors=())
        result["eer"] = with_interval(eer(roc_curve(scores, target)).value, draws["eer"])
    return result


def _curves(roc: Roc, scores: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
    """The ROC, thinned where corners are too near for the eye on either kind of axes, and histograms."""
    fnr, fpr = roc.fnr, roc.fpr
    deviates = [scipy.special.ndtri(np.clip(rate, 1e-9, 1 - 1e-9)) for rate in (fnr, fpr)]
    _, corners = np.unique(np.floor((deviates[0] - deviates[1]) / 0.02), return_index=True)
    corners = np.append(corners, len(fnr) - 1)
    edges = np.histogram_bin_edges(scores, bins=60)
    return {
        "fnr": fnr[corners],
        "fpr": fpr[corners],
        "edges": edges,
        "target": np.histogram(scores[target], edges, density=True)[0],
        "nontarget": np.histogram(scores[~target], edges, density=True)[0],
    }


def calibrated(metrics: dict[str, Any]) -> bool:
    """Whether there is a system whose scores are log-likelihood ratios."""
    return any("cllr" in measures for measures in metrics["systems"].values())


def table(metrics: dict[str, Any]) -> str:
    """The result as text: a row a system, then the differences of the first to each other one."""
    llrs = calibrated(metrics)
    head = ["system", "EER % [95 %]", *(f"minDCF({prior:g})" for prior in PRIORS)]
    head += [*(f"actDCF({prior:g})" for prior in PRIORS), "Cllr (min)"] if llrs else []
    rows = [[*head, "targets/nontargets"]]
    counts = f"{metrics['trials']['targets']}/{metrics['trials']['nontargets']}"
    first = next(iter(metrics["systems"]))
    rows += [[name, *_cells(measures, llrs), counts] for name, measures in metrics["systems"].items()]
    rows += [[f"{first} − {name}", *_cells(values, llrs), ""] for name, values in metrics["differences"].items()]
    repeated = metrics["trials"].get("repeated", 0)
    note = f"\n{repeated} of the trials are pairs that stand in the list twice or more; each counts"
    return aligned(rows) + (note if repeated else "")


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """A table as text, two spaces between its columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cells(measures: dict[str, Any], llrs: bool) -> list[str]:
    cells = [percent(measures["eer"]), *(bounded(measures[f"min_dcf_{prior:g}"]) for prior in PRIORS)]
    if llrs and "cllr" in measures:
        cells += [f"{measures[f'act_dcf_{prior:g}']:.3f}" for prior in PRIORS]
        cells.append(f"{measures['cllr']:.3f} ({measures['min_cllr']:.3f})")
    elif llrs:
        cells += ["–"] * (len(PRIORS) + 1)
    return cells


def percent(rate: dict[str, float | None] | None) -> str:
    """``4.20 [3.10, 5.32]`` of a rate with its interval."""
    return bounded(rate and {key: value and 100 * value for key, value in rate.items()}, digits=2)


def bounded(number: dict[str, float | None] | None, digits: int = 3) -> str:
    """``0.420 [0.310, 0.532]`` of a number with its interval, where it has one."""
    if not number:
        return "–"
    value, low, high = (
        None if number[key] is None else f"{round(number[key], digits) + 0.0:.{digits}f}"  # no -0.00
        for key in ("value", "low", "high")
    )
    return value if low is None else f"{value} [{low}, {high}]"
