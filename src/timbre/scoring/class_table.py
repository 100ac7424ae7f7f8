"""The measures of classifications as text: tables, who is taken for whom, and what both parts have in common."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from typing import Any

from timbre.scoring.classification import BEST, COMPARED
from timbre.scoring.evaluation import aligned, percent
from timbre.scoring.verdict import TRANSDUCTIVE, stamp, warnings

HEAD = ("system", "accuracy % [95 %]", "recall (UA) %", "F1 %", f"top-{BEST} %", "cross-entropy")
CLASS_HEAD = ("class", "utterances", "recall % [95 %]", "precision %", "F1 % [95 %]")
SPEAKER_HEAD = ("speaker", "utterances", "accuracy % [95 %]", "recall (UA) %")
MEMBER_HEAD = ("member", "accuracy %", "recall (UA) %", "F1 %", "cross-entropy")
_CONFUSIONS = 5
_SHARED = {
    "shared_speakers": "speakers:",
    "sessions": "sessions:",
    "texts": "texts:",
    "audio": "identical recordings:",
}
_MOST = 20  # classes and speakers that are shown one by one


def rows(metrics: dict[str, Any]) -> list[list[str]]:
    """A row a system, one for guessing, and one for the first system's difference from each other one."""
    first, classes = next(iter(metrics["systems"])), metrics["utterances"]["classes"]
    found = [
        [
            name,
            *(percent(values[key]) for key in ("accuracy", "recall", "f1", "top5")),
            f"{values['cross_entropy']:.3f}",
        ]
        for name, values in metrics["systems"].items()
    ]
    best = f"{100 * BEST / classes:.2f}" if classes > BEST else "–"
    found.append([f"chance (1/{classes})", *2 * [f"{100 / classes:.2f}"], "–", best, f"{math.log(classes):.3f}"])
    found += [
        [f"{first} − {name}", *(difference(values[key]) for key in ("accuracy", "recall", "f1")), "", ""]
        for name, values in metrics["differences"].items()
    ]
    return found


def difference(values: dict[str, float | None]) -> str:
    """``1.20 [0.40, 2.10], p 0.004`` of a difference of rates, as far as it has interval and p-value."""
    return percent(values) + ("" if values["p"] is None else f", p {values['p']:.3f}")


def class_rows(metrics: dict[str, Any]) -> list[list[str]]:
    """A row a class, under :data:`CLASS_HEAD`."""
    return [
        [name, str(values["count"]), percent(values["recall"]), _share(values["precision"]), percent(values["f1"])]
        for name, values in metrics["classes"].items()
    ]


def speaker_rows(metrics: dict[str, Any]) -> list[list[str]]:
    """A row a speaker, under :data:`SPEAKER_HEAD`; none where speakers are the classes, or not known."""
    return [
        [name, str(values["count"]), percent(values["accuracy"]), _share(values["recall"])]
        for name, values in (metrics["speakers"] or {}).items()
    ]


def member_rows(metrics: dict[str, Any]) -> list[list[str]]:
    """Of an ensemble a row a member, their mean ± standard deviation, and what the ensemble is above it."""
    members = metrics.get("members")
    if not members:
        return []
    own = next(iter(metrics["systems"].values()))
    columns = {key: [100 * values[key] for values in members.values()] for key in COMPARED}
    columns["cross_entropy"] = [values["cross_entropy"] for values in members.values()]
    whole = {key: 100 * own[key]["value"] for key in COMPARED} | {"cross_entropy": own["cross_entropy"]}
    digits = {key: 3 if key == "cross_entropy" else 2 for key in columns}
    mean = {key: statistics.mean(values) for key, values in columns.items()}
    rows = [
        [f"seed {seed}", *(f"{columns[key][number]:.{digits[key]}f}" for key in columns)]
        for number, seed in enumerate(members)
    ]
    spread = (f"{mean[key]:.{digits[key]}f} ± {statistics.stdev(columns[key]):.{digits[key]}f}" for key in columns)
    above = (f"{whole[key] - mean[key]:+.{digits[key]}f}" for key in columns)
    return [*rows, ["mean ± deviation", *spread], ["ensemble − mean", *above]]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f}"


def table(metrics: dict[str, Any]) -> str:
    """All of it, for the terminal; of many classes or speakers none by itself."""
    details = [
        (MEMBER_HEAD, member_rows(metrics)),
        (CLASS_HEAD, class_rows(metrics)),
        (SPEAKER_HEAD, speaker_rows(metrics)),
    ]
    parts = [
        aligned([HEAD, *rows(metrics)]),
        *(aligned([head, *found]) for head, found in details if 0 < len(found) <= _MOST),
        "\n".join([*_confusions(metrics["confusions"]), _tested(metrics)]),
        "\n".join(filter(None, [stamp(metrics), *(f"WARNING: {said}" for said in warnings(metrics))])),
    ]
    return "\n\n".join(filter(None, parts))


def _confusions(pairs: list[dict[str, Any]]) -> Iterator[str]:
    """The most frequent confusions of the first system."""
    for pair in pairs[:_CONFUSIONS]:
        further = pair["count"] - len(pair["utterances"])
        named = ", ".join(pair["utterances"]) + (f" and {further} more" if further else "")
        yield f"{pair['truth']} taken for {pair['taken_for']}: {pair['count']} of {pair['of']} utterances ({named})"
    if not pairs:
        yield "no errors"


def _tested(metrics: dict[str, Any]) -> str:
    """What was tested on, and what of it training knew."""
    tested, train = metrics["utterances"], metrics["train"]
    said = (
        f"{metrics['data']}: {tested['count']} utterances, {len(metrics['classes'])} of {tested['classes']} "
        f"classes, {tested['speakers']} speakers"
    )
    if train is None:
        return f"{said}; what training knew of them is not known (--train)"
    both = [f"{name} {'not known' if train[key] is None else train[key]}" for key, name in _SHARED.items()]
    where = "both parts" if train["folds"] == 1 else f"both parts of one of {train['folds']} folds"
    return f"{said}\n{train['data']}: in {where} are {', '.join(both)}; SHA-256 of the split {train['sha256']}"


def kind(labels: str) -> str:
    """What a class is, by the table that has them: ``speaker`` for ``utt2spk``, ``emotion`` for ``utt2emotion``."""
    return "speaker" if labels == "utt2spk" else labels.removeprefix("utt2")


def parts(metrics: dict[str, Any]) -> list[str]:
    """What the parts that were trained on and those tested have in common, which the figures rest on."""
    train, speakers = metrics["train"], metrics["utterances"]["speakers"]
    if train is None:
        return ["What the tested utterances have in common with those trained on is not recorded."]
    folds, shared, sessions, texts = (train[key] for key in ("folds", "shared_speakers", "sessions", "texts"))
    said, both = [], "both parts"
    if folds > 1:
        said.append(f"{folds} models, one for each fold, are tested each on what it was not trained on.")
        both = "both parts of a fold"
    if TRANSDUCTIVE in (metrics.get("verdict") or []):
        said.append(
            "Features are normalised by speaker: all that a tested speaker says is looked at, without its labels, "
            "before any of it is classified (transductive)."
        )
    if members := metrics.get("members"):
        said.append(f"Each model is {len(members)} trainings with other seeds, whose probabilities are averaged.")
    if metrics["labels"] == "utt2spk" and shared:
        who = f"all {shared:,}" if shared == speakers else f"{shared:,} of {speakers:,}"
        said.append(
            f"Speakers in both parts: {who}, as identification has it; other utterances of theirs are tested."
        )
    elif shared is None:
        said.append(f"Whether speakers stand in {both} is not known.")
    elif shared:
        who = "Every speaker stands" if shared == speakers else f"{shared:,} of {speakers:,} speakers stand"
        said.append(f"{who} in {both}: the classifier knows their voices.")
    else:
        said.append(f"No speaker stands in {both}.")
    if sessions:
        said.append(f"{sessions:,} sessions stand in {both}: the session's channel helps.")
    elif sessions == 0:
        said.append(f"No session stands in {both}.")
    elif shared != 0:
        said.append(f"Recordings of one session may stand in {both}: the session's channel helps.")
    if texts:
        said.append(f"{texts:,} texts are spoken in {both}: what is said may help.")
    elif texts == 0:
        said.append(f"No text is spoken in {both}.")
    return said
