"""Audio of one's own by speakers, listed in a table.

    path,speaker,gender,session,split
    anna/01.wav,anna,f,kitchen,train

``path`` and ``speaker`` must be there, the others may; else it is :mod:`timbre.corpora.csv_table`, whose column
``label`` is not looked at here. ``gender`` (f, m) becomes ``spk2gender``. A speaker has one ``split``.
"""

from __future__ import annotations

from pathlib import Path

from timbre.corpora import csv_table
from timbre.corpora.audio_files import Options as Options
from timbre.corpora.audio_files import readable
from timbre.corpora.csv_lines import Table, read_csv
from timbre.corpora.csv_speakers_stand_in import LAYOUT as LAYOUT
from timbre.corpora.csv_table import Report
from timbre.corpora.rows import Row
from timbre.kaldi.table_forms import shown

EDITED = True
NEEDED = {
    "path": csv_table.NEEDED["path"],
    "speaker": "who speaks",
}
TABLES = {name: csv_table.TABLES[name] for name in ("text", "session", "split")}
GENDERS = {"f": "f", "female": "f", "m": "m", "male": "m"}
"""The values of ``gender``, and those of ``spk2gender`` that they become."""


def prepare(corpus: Path, options: Options, report: Report) -> dict[str, list[Row]]:
    """The rows of ``all``, ids ``<speaker>-<file's name>``; with a column ``split`` the table ``utt2split``.

    Args:
        corpus: the file of the table.

    Raises:
        TimbreError: as :func:`timbre.corpora.csv_table.prepare` where no labels are concerned; for a gender that is
            none of :data:`GENDERS`, and a speaker of two.
    """
    table = read_csv(corpus, NEEDED, {*TABLES, "gender"}, report)
    wavs, speakers = csv_table.audio_files_of(table), csv_table.keys_of(table, "speaker")
    values = {name: [line[name] for line in table.lines] for name in TABLES if name in table.columns}
    if "split" in values:
        values["split"] = csv_table.parts_of(table, report)
    genders = _genders(table, speakers)
    rows = [
        Row(
            name,
            speakers[place],
            wavs[place],
            {TABLES[column]: those[place] for column, those in values.items()},
            {"spk2gender": genders[place]} if genders else {},
        )
        for place, name in enumerate(csv_table.utterance_names(table, speakers))
    ]
    return {"all": readable(rows, csv_table.RATE, options, report)}


def _genders(table: Table, speakers: list[str]) -> list[str]:
    """The gender of each line's speaker; none at all where the table has no such column."""
    if "gender" not in table.columns:
        return []
    first: dict[str, str] = {}
    for line, speaker in zip(table.lines, speakers, strict=True):
        if (gender := GENDERS.get(line["gender"].lower())) is None:
            raise table.refusal(
                [line], f"the gender '{shown(line['gender'])}' is none of f, m", "write one of them"
            )
        if first.setdefault(speaker, gender) != gender:
            raise table.refusal([line], f"the speaker '{shown(line['speaker'])}' has two genders", "correct one")
    return [first[speaker] for speaker in speakers]
