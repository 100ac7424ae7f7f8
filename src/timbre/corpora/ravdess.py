"""RAVDESS, its speech (Ryerson audio-visual database, CC BY-NC-SA 4.0): 24 actors, eight emotions, 48 kHz.

    <corpus>/…/MM-CC-EE-II-SS-RR-AA.{wav,flac}    03-01-05-02-01-02-24: modality, channel, emotion, intensity,
                                                  statement, repetition, actor

Each says two statements, "Kids are talking by the door" and "Dogs are sitting by the door", twice in each emotion
and intensity; what is neutral has one intensity. Labels come from the files' names alone: folders are doubled
(``audio_speech_actors_01-24``) or renamed in the copies that circulate, and some files lie in another actor's.
Songs (channel 02) and the sound of films (modality 01) are left out and counted. Some files are stereo, or at
another rate; many are quiet, some below -60 dB. Source: Livingstone & Russo (2018), doi
10.1371/journal.pone.0196391.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from timbre.corpora.audio_files import Options as Options
from timbre.corpora.audio_files import read_rows
from timbre.corpora.ravdess_names import (
    ACTORS,
    AUDIO_ONLY,
    EMOTIONS,
    INTENSITIES,
    NEUTRAL,
    REPETITIONS,
    SONG,
    SPEECH,
    TEXTS,
)
from timbre.corpora.ravdess_stand_in import LAYOUT as LAYOUT
from timbre.corpora.rows import Row
from timbre.errors import some

EXPECTED = {"all": (1440, 24)}  # utterances, speakers
RATE = 48000  # Hz

_NAME = re.compile(
    rf"(0[1-3])-({SPEECH}|{SONG})-({'|'.join(EMOTIONS)})-({'|'.join(INTENSITIES)})-({'|'.join(TEXTS)})-"
    rf"({'|'.join(REPETITIONS)})-({'|'.join(ACTORS)})"
)
_FOLDER = re.compile(r"actor[ _-]?(\d+)", re.IGNORECASE)


def prepare(corpus: Path, options: Options, report: Callable[[str], None]) -> dict[str, list[Row]]:
    """The rows of ``all``, ids ``<actor>-<emotion>-<intensity>-<statement>-<repetition>`` in the names' numbers.

    Raises:
        TimbreError: as :func:`timbre.corpora.audio_files.read_rows`.
    """
    rows = read_rows(corpus, _row, "03-01-05-01-02-01-24.wav", RATE, options, report, _other)
    if strayed := [row.wav for row in rows if _folder(row.wav) not in ("", row.speaker)]:
        names = some(str(wav.relative_to(corpus)) for wav in strayed)
        report(
            f"corpus: {len(strayed)} of {len(rows)} files lie in another actor's folder; their names count: {names}"
        )
    return {"all": rows}


def _folder(wav: Path) -> str:
    """The actor whose folder a file lies in; "" where the folder is no actor's."""
    match = _FOLDER.fullmatch(wav.parent.name)
    return f"{int(match[1]):02d}" if match else ""


def _other(path: Path) -> str:
    """What a file is that is no recording of speech; "" for those that are."""
    match = _NAME.fullmatch(path.stem)
    if not match:
        return ""
    modality, channel = match[1], match[2]
    return "songs" if channel == SONG else "" if modality == AUDIO_ONLY else "sound of films"


def _row(path: Path) -> Row | None:
    match = _NAME.fullmatch(path.stem)
    if not match or (match[3] == NEUTRAL and match[4] != INTENSITIES[0]):
        return None
    _, _, emotion, intensity, statement, repetition, actor = match.groups()
    return Row(
        "-".join((actor, emotion, intensity, statement, repetition)),
        actor,
        path,
        {"utt2emotion": EMOTIONS[emotion], "utt2lang": "en", "text": TEXTS[statement]},
        {"spk2gender": ACTORS[actor]},
    )
