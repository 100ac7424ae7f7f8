"""A table of synthetic speech, ``my.csv``: its paths and speakers."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from timbre.corpora.layout import Layout, Utterance


def _place(part: str, speaker: int, utterance: int) -> tuple[str, str, str]:
    spk = f"s{speaker:03d}"
    return spk, f"{spk}-{utterance:02d}", f"audio/{spk}/{utterance:02d}.wav"


def _table(utterances: Sequence[Utterance]) -> dict[str, str]:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("path", "speaker", "gender"))
    writer.writerows((one.wav, one.speaker, one.gender) for one in utterances)
    return {"my.csv": file.getvalue()}


LAYOUT = Layout(
    "a table of one's own", ("train",), _place, _table, defaults={"train_speakers": 30, "utterances": 8}
)
