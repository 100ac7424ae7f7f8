"""The tree of EMO-DB, for a synthetic stand-in: ten speakers, ten sentences in seven emotions."""

from __future__ import annotations

from timbre.corpora.emodb_names import EMOTIONS, SPEAKERS, TEXTS, VERSIONS
from timbre.corpora.layout import Layout, Script

# Texts and emotions change at every line; as 10 and 7 have no common divisor, 70 lines have each pair once, and the
# first 54 (the original has 535 of ten speakers) all texts and all emotions about equally often.
_PAIRS = [
    (list(TEXTS)[n % len(TEXTS)], list(EMOTIONS)[n % len(EMOTIONS)]) for n in range(len(TEXTS) * len(EMOTIONS))
]
_LINES = [(text, emotion, version) for version in VERSIONS for text, emotion in _PAIRS]


def _place(part: str, speaker: int, utterance: int) -> tuple[str, str, str]:
    spk = list(SPEAKERS)[speaker - 1]
    stem = spk + "".join(_LINES[utterance - 1])
    return spk, stem, f"wav/{stem}.wav"


LAYOUT = Layout(
    "EMO-DB",
    ("train",),
    _place,
    lambda utterances: {},
    defaults={"language": "de", "train_speakers": len(SPEAKERS), "utterances": 54},
    script=Script(
        genders=[gender for gender, _ in SPEAKERS.values()],
        lines=[(TEXTS[text], EMOTIONS[emotion]) for text, emotion, _ in _LINES],
    ),
)
