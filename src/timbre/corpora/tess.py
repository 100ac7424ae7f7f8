"""TESS (Toronto emotional speech set, CC BY-NC-ND 4.0): two actresses, 200 words, seven emotions, 24,414 Hz.

    <corpus>/…/{OAF,YAF}_<word>_{angry,disgust,fear,happy,neutral,ps,sad}.wav

Each says "Say the word <word>" in each emotion. Copies that circulate have their folders doubled or renamed, a file
``OA_bite_neutral.wav`` whose actress is OAF, one file at 96 kHz, some with broken headers
(:mod:`timbre.corpora.audio_files`): labels come from the files' names alone. Source: Pichora-Fuller & Dupuis
(2020), doi 10.5683/SP2/E8H2MF.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from timbre.corpora.audio_files import Options as Options
from timbre.corpora.audio_files import read_rows
from timbre.corpora.rows import Row
from timbre.corpora.tess_names import ACTRESSES, EMOTIONS
from timbre.corpora.tess_stand_in import LAYOUT as LAYOUT
from timbre.errors import some

EXPECTED = {"all": (2800, 2)}  # utterances, speakers
RATE = 24414  # Hz

_NAME = re.compile(rf"(OAF|YAF|OA)_([a-z]+)_({'|'.join(EMOTIONS)})", re.IGNORECASE)


def prepare(corpus: Path, options: Options, report: Callable[[str], None]) -> dict[str, list[Row]]:
    """The rows of ``all``, ids ``<actress>-<word>-<emotion>`` in the words of the files' names.

    Raises:
        TimbreError: as :func:`timbre.corpora.audio_files.read_rows`.
    """
    rows = read_rows(corpus, _row, "OAF_bite_angry.wav", RATE, options, report)
    names = [Path(row.wav).name for row in rows]
    if short := [name for name in names if name.upper().startswith("OA_")]:
        report(f"corpus: {len(short)} of {len(rows)} files are OAF's without the F: {some(short)}")
    return {"all": rows}


def _row(path: Path) -> Row | None:
    match = _NAME.fullmatch(path.stem)
    if not match:
        return None
    actress, word, emotion = match[1].upper(), match[2].lower(), match[3].lower()
    actress = "OAF" if actress == "OA" else actress
    tables = {"utt2emotion": EMOTIONS[emotion], "utt2lang": "en", "text": f"SAY THE WORD {word.upper()}"}
    return Row(f"{actress}-{word}-{emotion}", actress, path, tables, ACTRESSES[actress])
