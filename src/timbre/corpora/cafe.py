"""CaFE (Canadian French emotional speech, CC BY-NC-SA 4.0): twelve actors, six sentences, seven emotions, 48 kHz.

    <corpus>/CaFE_48k/<emotion>/{Faible,Fort}/AA-E-I-S.wav    actor, emotion's French initial, strength, sentence
    <corpus>/CaFE_48k/Neutre/AA-N-S.wav                       in some copies AA-N-1-S.wav

Labels come from the files' names alone: the folders' lose their accents in many copies. The same recordings at
192 kHz (aiff) are passed over. Source: Gournay, Lahaie & Lefebvre (2018), "A Canadian French Emotional Speech
Dataset", ACM MMSys; zenodo.org/record/1478765.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from timbre.corpora.audio_files import Options as Options
from timbre.corpora.audio_files import read_rows
from timbre.corpora.cafe_names import ACTORS, EMOTIONS, TEXTS
from timbre.corpora.cafe_stand_in import LAYOUT as LAYOUT
from timbre.corpora.rows import Row

EXPECTED = {"all": (936, 12)}  # utterances, speakers
RATE = 48000  # Hz

_ACTED = "".join(EMOTIONS).replace("N", "")
_NAME = re.compile(rf"({'|'.join(ACTORS)})-(?:(N)(?:-1)?|([{_ACTED}]-[12]))-([{''.join(TEXTS)}])")


def prepare(corpus: Path, options: Options, report: Callable[[str], None]) -> dict[str, list[Row]]:
    """The rows of ``all``, ids ``AA-E-I-S`` and, of neutral ones, ``AA-N-S``.

    Raises:
        TimbreError: as :func:`timbre.corpora.audio_files.read_rows`.
    """
    return {"all": read_rows(corpus, _row, "01-C-1-1.wav", RATE, options, report)}


def _row(path: Path) -> Row | None:
    match = _NAME.fullmatch(path.stem)
    if not match:
        return None
    actor, neutral, acted, text = match.groups()
    emotion = neutral or acted
    gender, age = ACTORS[actor]
    return Row(
        f"{actor}-{emotion}-{text}",
        actor,
        path,
        {"utt2emotion": EMOTIONS[emotion[0]], "utt2lang": "fr", "text": TEXTS[text]},
        {"spk2gender": gender, "spk2age": str(age)},
    )
