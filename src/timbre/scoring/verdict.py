"""What a classification's figures stand for: what training knew of the tested voices and words, and what they beat.

A classifier that has heard a speaker, or the words, may know an emotion by them; and one that does no better than
the length of an utterance, its level or guessing has shown nothing. Both belong beside every figure.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from timbre.corpora.layout import SYNTHETIC, about
from timbre.features.by_speaker import is_by_speaker
from timbre.scoring.difference import SIGNIFICANT
from timbre.scoring.evaluation import percent

TRANSDUCTIVE = "transductive"
"""Features were normalised by speaker: of the tested speakers all speech was looked at, without its labels."""

SAME_AUDIO = "identical audio in both parts"


def verdict(train: dict[str, Any], labels: str) -> list[str]:
    """``speaker-`` and ``text-independent`` or ``-dependent``, and whether audio stands in both parts.

    Speakers are left out where they are the classes, and what is not known is left out.

    Args:
        train: what the parts have in common (:func:`timbre.scoring.overlap.overlap`).
        labels: the table of the classes.
    """
    shared = {"speaker": None if labels == "utt2spk" else train["shared_speakers"], "text": train["texts"]}
    said = [
        f"{name}-{'dependent' if count else 'independent'}" for name, count in shared.items() if count is not None
    ]
    return said + [SAME_AUDIO] * bool(train["audio"])


def of_speech(data: Path) -> list[str]:
    """That the speech of a data directory is synthetic and its features are by speaker, as far as they are."""
    return [SYNTHETIC.lower()] * about(data).startswith(SYNTHETIC) + [TRANSDUCTIVE] * is_by_speaker(data)


def stamp(metrics: dict[str, Any]) -> str:
    """The verdict in one line: ``speaker-dependent, text-dependent``; empty where nothing is known."""
    return ", ".join(metrics.get("verdict") or [])


def not_above(metrics: dict[str, Any]) -> list[str]:
    """The other systems, and ``chance``, that the first one is below or cannot be told from."""
    others = [other for other, values in metrics["differences"].items() if not _above(values["accuracy"])]
    return others + ["chance"] * (not _above_chance(metrics))


def _above(accuracy: dict[str, float | None]) -> bool:
    """Whether a difference of accuracies is a gain that can be told from none."""
    return accuracy["value"] > 0 and accuracy["p"] is not None and accuracy["p"] < SIGNIFICANT


def _above_chance(metrics: dict[str, Any]) -> bool:
    accuracy = next(iter(metrics["systems"].values()))["accuracy"]
    return (accuracy["value"] if accuracy["low"] is None else accuracy["low"]) > metrics["chance"]


def warnings(metrics: dict[str, Any]) -> list[str]:
    """What weakens the first system's figures, in words: who it is not better than, and how it was tested."""
    said = []
    first = next(iter(metrics["systems"]))
    for other, values in metrics["differences"].items():
        accuracy = values["accuracy"]
        points = f"{100 * accuracy['value']:+.2f} points"
        if accuracy["p"] is not None:
            points += f", p {accuracy['p']:.3f}"
        if accuracy["value"] < 0 and accuracy["p"] is not None and accuracy["p"] < SIGNIFICANT:
            said.append(f"{first} is below {other} ({points}).")
        elif not _above(accuracy):
            said.append(f"{first} is not above {other}: their accuracies cannot be told apart ({points}).")
    if not _above_chance(metrics):
        accuracy, chance = metrics["systems"][first]["accuracy"], metrics["chance"]
        said.append(f"{first} is not above chance, {100 * chance:.2f} %: its accuracy is {percent(accuracy)} %.")
    if count := (metrics["train"] or {}).get("audio"):
        said.append(f"Trained on what is tested: {count:,} recordings stand in both parts under different names.")
    if metrics["bootstrap"]["resampled"] == "utterances":
        count = metrics["utterances"]["speakers"]
        who = "one speaker" if count == 1 else f"{count} speakers"
        said.append(f"Tested on {who}: intervals resample utterances, and tell nothing of other speakers.")
    return said
