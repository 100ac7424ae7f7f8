"""The tree of RAVDESS, for a synthetic stand-in: 24 actors, two statements in eight emotions.

Both intensities are acted alike.
"""

from __future__ import annotations

from timbre.corpora.layout import Layout, Script
from timbre.corpora.ravdess_names import (
    ACTORS,
    AUDIO_ONLY,
    EMOTIONS,
    INTENSITIES,
    NEUTRAL,
    REPETITIONS,
    SPEECH,
    TEXTS,
)

_LINES = [  # emotions change at every line, so that the first lines have all of them
    (emotion, intensity, text, repetition)
    for intensity in INTENSITIES
    for repetition in REPETITIONS
    for text in TEXTS
    for emotion in EMOTIONS
    if emotion != NEUTRAL or intensity == INTENSITIES[0]
]


def _place(part: str, speaker: int, utterance: int) -> tuple[str, str, str]:
    spk = list(ACTORS)[speaker - 1]
    stem = "-".join((AUDIO_ONLY, SPEECH, *_LINES[utterance - 1], spk))
    return spk, stem, f"Actor_{spk}/{stem}.wav"


LAYOUT = Layout(
    "RAVDESS",
    ("train",),
    _place,
    lambda utterances: {},
    defaults={"train_speakers": len(ACTORS), "utterances": len(_LINES), "rate": 48000},
    script=Script(
        genders=list(ACTORS.values()),
        lines=[(TEXTS[text], EMOTIONS[emotion]) for emotion, _, text, _ in _LINES],
    ),
)
