"""The tree of ShEMO, for a synthetic stand-in: women and men in turn, each utterance another Persian sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from timbre.corpora.layout import Layout, Script, Utterance
from timbre.corpora.shemo_names import EMOTIONS, GENDERS

_SPEAKERS = [
    f"{gender}{number:02d}" for number in range(1, 13) for gender in GENDERS
]  # as many as there are voices

# Some emotions are rarer than others, as in ShEMO, if none as rare as fear is there; the first six are all.
_CYCLE = "ANSWHFANSANA"
_LINES = [
    (emotion, cycle * _CYCLE.count(emotion) + _CYCLE[: place + 1].count(emotion))
    for cycle in range(24)  # numbers have two digits
    for place, emotion in enumerate(_CYCLE)
]


def _place(part: str, speaker: int, utterance: int) -> tuple[str, str, str]:
    spk = _SPEAKERS[speaker - 1]
    emotion, number = _LINES[utterance - 1]
    stem = f"{spk}{emotion}{number:02d}"
    return spk, stem, f"{'female' if spk[0] == 'F' else 'male'}/{stem}.wav"


def _files(utterances: Sequence[Utterance]) -> Mapping[str, str]:
    """``shemo.json``; of its fields the one that is read."""
    listed = {PurePosixPath(one.wav).stem: {"transcript": one.text} for one in utterances}
    return {"shemo.json": json.dumps(listed, ensure_ascii=False, indent=4) + "\n"}


LAYOUT = Layout(
    "ShEMO",
    ("train",),
    _place,
    _files,
    defaults={"language": "fa", "train_speakers": 12, "utterances": 36, "rate": 44100},
    script=Script(
        genders=[GENDERS[spk[0]] for spk in _SPEAKERS],
        lines=[(None, EMOTIONS[emotion]) for emotion, _ in _LINES],
    ),
)
