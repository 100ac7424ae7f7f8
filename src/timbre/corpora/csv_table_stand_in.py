"""A table of synthetic speech, ``my.csv``: eight speakers say six sentences in four emotions."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from timbre.corpora.layout import Layout, Script, Utterance

SPEAKERS = {
    "anna": "f",
    "ben": "m",
    "clara": "f",
    "david": "m",
    "emma": "f",
    "frank": "m",
    "grace": "f",
    "henry": "m",
}
TEXTS = (
    "The children play behind the house.",
    "I have left my keys on the table.",
    "They will be back before the evening.",
    "There is nobody in the garden now.",
    "We take the early train on Monday.",
    "She has read the letter to the end.",
)
EMOTIONS = ("anger", "happiness", "neutral", "sadness")

_LINES = [(text, emotion) for text in TEXTS for emotion in EMOTIONS]  # so the first lines have all emotions


def _place(part: str, speaker: int, utterance: int) -> tuple[str, str, str]:
    spk = list(SPEAKERS)[speaker - 1]
    return spk, f"{spk}-{utterance:02d}", f"audio/{spk}/{utterance:02d}.wav"


def _table(utterances: Sequence[Utterance]) -> dict[str, str]:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("path", "speaker", "label", "text", "language"))
    writer.writerows((one.wav, one.speaker, one.emotion, one.text, "en") for one in utterances)
    return {"my.csv": file.getvalue()}


LAYOUT = Layout(
    "a table of one's own",
    ("train",),
    _place,
    _table,
    defaults={"train_speakers": len(SPEAKERS), "utterances": len(_LINES)},
    script=Script(genders=list(SPEAKERS.values()), lines=_LINES),
)
