"""The tree of CaFE, for a synthetic stand-in: twelve actors, six sentences in seven emotions.

Weak and strong emotions (``Faible``, ``Fort``) are acted alike.
"""

from __future__ import annotations

from timbre.corpora.cafe_names import ACTORS, EMOTIONS, TEXTS
from timbre.corpora.layout import Layout, Script

_FOLDERS = {
    "C": "Colère",
    "D": "Dégoût",
    "J": "Joie",
    "N": "Neutre",
    "P": "Peur",
    "S": "Surprise",
    "T": "Tristesse",
}
_STRENGTHS = {"1": "Faible", "2": "Fort"}

# Texts and emotions change at every line; as 6 and 7 have no common divisor, the first 42 have each pair once.
_PAIRS = [
    (list(EMOTIONS)[n % len(EMOTIONS)], list(TEXTS)[n % len(TEXTS)]) for n in range(len(EMOTIONS) * len(TEXTS))
]
_LINES = [(emotion, text, "1") for emotion, text in _PAIRS]
_LINES += [(emotion, text, "2") for emotion, text in _PAIRS if emotion != "N"]


def _place(part: str, speaker: int, utterance: int) -> tuple[str, str, str]:
    spk = list(ACTORS)[speaker - 1]
    emotion, text, strength = _LINES[utterance - 1]
    folder = f"CaFE_48k/{_FOLDERS[emotion]}"
    if emotion == "N":
        stem = f"{spk}-N-{text}"
    else:
        folder, stem = f"{folder}/{_STRENGTHS[strength]}", f"{spk}-{emotion}-{strength}-{text}"
    return spk, stem, f"{folder}/{stem}.wav"


LAYOUT = Layout(
    "CaFE",
    ("train",),
    _place,
    lambda utterances: {},
    defaults={"language": "fr", "train_speakers": len(ACTORS), "utterances": len(_LINES), "rate": 48000},
    script=Script(
        genders=[gender for gender, _ in ACTORS.values()],
        lines=[(TEXTS[text], EMOTIONS[emotion]) for emotion, text, _ in _LINES],
    ),
)
