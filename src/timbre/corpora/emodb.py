"""EMO-DB (Berlin database of emotional speech): ten actors, ten German sentences, seven emotions, 16 kHz.

    <corpus>/wav/SSTTTEv.wav    speaker, text, emotion by its German initial, version: 03a01Fa.wav

The folder ``wav`` itself may be given, too. Source: Burkhardt et al. (2005), "A Database of German Emotional
Speech", Interspeech.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from timbre.corpora.audio_files import Options as Options
from timbre.corpora.audio_files import read_rows
from timbre.corpora.emodb_names import EMOTIONS, SPEAKERS, TEXTS, VERSIONS
from timbre.corpora.emodb_stand_in import LAYOUT as LAYOUT
from timbre.corpora.rows import Row

EXPECTED = {"all": (535, 10)}  # utterances, speakers
RATE = 16000  # Hz

_NAME = re.compile(rf"({'|'.join(SPEAKERS)})({'|'.join(TEXTS)})([{''.join(EMOTIONS)}])[{VERSIONS}]")


def prepare(corpus: Path, options: Options, report: Callable[[str], None]) -> dict[str, list[Row]]:
    """The rows of ``all``, ids ``<speaker>-<rest of the file's name>``.

    Raises:
        TimbreError: as :func:`timbre.corpora.audio_files.read_rows`.
    """
    root = corpus / "wav" if (corpus / "wav").is_dir() else corpus
    return {"all": read_rows(root, _row, "03a01Fa.wav", RATE, options, report)}


def _row(path: Path) -> Row | None:
    match = _NAME.fullmatch(path.stem)
    if not match:
        return None
    speaker, text, emotion = match.groups()
    gender, age = SPEAKERS[speaker]
    return Row(
        f"{speaker}-{path.stem[2:]}",
        speaker,
        path,
        {"utt2emotion": EMOTIONS[emotion], "utt2lang": "de", "text": TEXTS[text]},
        {"spk2gender": gender, "spk2age": str(age)},
    )
