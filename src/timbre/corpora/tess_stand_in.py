"""The tree of TESS, for a synthetic stand-in: two actresses, each word in seven emotions."""

from __future__ import annotations

from timbre.corpora.layout import Layout, Script
from timbre.corpora.tess_names import ACTRESSES, EMOTIONS, WORDS

_LINES = [(word, emotion) for word in WORDS for emotion in EMOTIONS]  # so the first lines have all emotions


def _place(part: str, speaker: int, utterance: int) -> tuple[str, str, str]:
    spk = list(ACTRESSES)[speaker - 1]
    word, emotion = _LINES[utterance - 1]
    stem = f"{spk}_{word}_{emotion}"
    return spk, stem, f"{spk}_{emotion}/{stem}.wav"


LAYOUT = Layout(
    "TESS",
    ("train",),
    _place,
    lambda utterances: {},
    defaults={
        "train_speakers": len(ACTRESSES),
        "utterances": len(_LINES),
        "rate": 24414,
        "expression": 0.6,  # an utterance's duration alone then tells happy from sad about as often as in TESS
        "conditions": {
            "gain": [-3.0, 3.0],
            "snr": [40.0, 50.0],
            "decay": [0.05, 0.1],
            "direct_to_reverberant": [15.0, 20.0],
            "microphone": 0.5,
        },
    },
    script=Script(
        genders=[said["spk2gender"] for said in ACTRESSES.values()],
        lines=[(f"Say the word {word}", EMOTIONS[emotion]) for word, emotion in _LINES],
    ),
)
