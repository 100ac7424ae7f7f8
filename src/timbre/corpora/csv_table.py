"""Labelled audio of one's own, listed in a table.

    path,speaker,label,text,session,language,split
    anna/01.wav,anna,anger,"Leave it, I said.",kitchen,en,train

``path``, ``speaker`` and ``label`` must be there, the others may (:mod:`timbre.corpora.csv_lines` reads the table).
Paths are absolute, or from the table's folder. The label becomes ``utt2emotion``, whatever the classes are. What
the parts share of ``text`` and of ``session`` is counted; two recording sessions have two names, whoever speaks.
``split`` is ``train`` or ``test``; ``dev`` and ``val`` are trained on, as a conf holds out speakers of the training
part itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

from timbre.corpora.audio_files import Options as Options
from timbre.corpora.audio_files import readable
from timbre.corpora.csv_lines import Line, Table, read_csv
from timbre.corpora.csv_table_stand_in import LAYOUT as LAYOUT
from timbre.corpora.rows import Row
from timbre.errors import TimbreError, some
from timbre.kaldi.table_forms import as_key, shown

EDITED = True
RATE = 16000  # Hz, of the recipe's confs
NEEDED = {
    "path": "the audio file, absolute or from the table's folder",
    "speaker": "who speaks; folds are made of speakers, as nobody may be trained on and tested. Where it is not "
    "known, name the recording, call or film that a file is from",
    "label": "the class, an emotion as a rule",
}
TABLES = {
    "label": "utt2emotion",
    "text": "text",
    "session": "utt2session",
    "language": "utt2lang",
    "split": "utt2split",
}
"""The tables of a data directory that columns become."""
PARTS = {"train": "train", "dev": "train", "val": "train", "test": "test"}
"""The values of ``split``, and the parts of ``utt2split`` that they become."""

Report = Callable[[str], None]


def prepare(corpus: Path, options: Options, report: Report) -> dict[str, list[Row]]:
    """The rows of ``all``, ids ``<speaker>-<file's name>``; with a column ``split`` the table ``utt2split``.

    Args:
        corpus: the file of the table.
    Raises:
        TimbreError: as :func:`timbre.corpora.csv_lines.read_csv`; for a file that is not there or stands twice, a
            speaker, label or language that would be written as another, a label that cannot be trained on wherever
            it is tested; and as :func:`timbre.corpora.audio_files.readable`.
    """
    table = read_csv(corpus, NEEDED, TABLES, report)
    wavs, speakers = audio_files_of(table), keys_of(table, "speaker")
    values = {name: [line[name] for line in table.lines] for name in TABLES if name in table.columns}
    values |= {name: keys_of(table, name) for name in ("label", "language") if name in values}
    parts = parts_of(table, report) if "split" in values else []
    if parts:
        values["split"] = parts
        _say_shared(speakers, parts, report)
    elif len(set(speakers)) == 1:
        problem = (
            f"all lines are of the speaker '{shown(table.lines[0]['speaker'])}', and nobody is left to train on"
        )
        mend = "add others, or a column split (train, test): figures are then speaker-dependent"
        raise TimbreError(f"{table.path}: {problem}; {mend}")
    _refuse_untrained(table, values["label"], speakers, parts)
    if alone := _untrained(values.get("language", []), speakers, parts):
        report(f"language: where {some(alone)} is tested, nothing trains it; for a fusion leave the column out")
    rows = [
        Row(name, speakers[place], wavs[place], {TABLES[column]: those[place] for column, those in values.items()})
        for place, name in enumerate(utterance_names(table, speakers))
    ]
    return {"all": readable(rows, RATE, options, report)}


def audio_files_of(table: Table) -> list[Path]:
    """The audio files of the lines, each of which is there and stands once."""
    wavs = [Path(os.path.normpath(table.path.parent / line["path"])) for line in table.lines]
    if gone := [line for line, wav in zip(table.lines, wavs, strict=True) if not wav.is_file()]:
        missing = table.path.parent / gone[0]["path"]
        mend = "correct the path (it is absolute, or from the table's folder)"
        mend += ", and write / for \\" if "\\" in gone[0]["path"] else ", or remove the line"
        raise table.refusal(gone, f"there is no file {shown(str(missing))}", mend)
    first: dict[str, Line] = {}
    for line, wav in zip(table.lines, wavs, strict=True):
        if (before := first.setdefault(os.path.realpath(wav), line)) is not line:
            problem = f"the file {wav} stands in line {before.number}, too"
            raise table.refusal([line], problem, "remove the wrong line")
    return wavs


def keys_of(table: Table, column: str) -> list[str]:
    """The values of a column as keys, no two of which are written alike; labels not even but for their case."""
    keys = [as_key(line[column]) for line in table.lines]
    if column == "speaker":  # ids are sorted by speaker if none goes on, in another's id, after a hyphen
        keys = [key.replace("-", "_") for key in keys]
    first: dict[str, Line] = {}
    for line, key in zip(table.lines, keys, strict=True):
        before = first.setdefault(key.casefold() if column == "label" else key, line)
        if before[column] != line[column]:
            problem = f"the {column} '{shown(line[column])}' would pass for '{shown(before[column])}' of line "
            mend = "write both alike, or make them differ in letters or digits"
            raise table.refusal([line], f"{problem}{before.number}", mend)
    return keys


def parts_of(table: Table, report: Report) -> list[str]:
    """``train`` or ``test`` of each line."""
    words = [line["split"].lower() for line in table.lines]
    if other := [line for line, word in zip(table.lines, words, strict=True) if word not in PARTS]:
        known = some(PARTS)
        raise table.refusal(
            other, f"the split '{shown(other[0]['split'])}' is none of {known}", "write one of them"
        )
    parts = [PARTS[word] for word in words]
    for part in ("train", "test"):
        if part not in parts:
            raise TimbreError(f"{table.path}: no line has the split {part}; give it to some, or remove the column")
    if dev := sum(word in ("dev", "val") for word in words):
        counted = f"{dev} of {len(words)} lines"
        report(f"split: dev and val ({counted}) are trained on, as confs hold out speakers of the training part")
    return parts


def _untrained(values: Sequence[str], speakers: Sequence[str], parts: Sequence[str]) -> list[str]:
    """Those of ``values`` that nothing trains where they are tested: by the split, or speaker by speaker."""
    if parts:
        trained = {value for value, part in zip(values, parts, strict=True) if part == "train"}
        return [value for value in dict.fromkeys(values) if value not in trained]
    having: dict[str, set[str]] = {}
    for value, speaker in zip(values, speakers, strict=False):
        having.setdefault(value, set()).add(speaker)
    return [value for value, who in having.items() if len(who) == 1]


def _refuse_untrained(table: Table, labels: Sequence[str], speakers: Sequence[str], parts: Sequence[str]) -> None:
    if len(set(labels)) == 1:
        label = shown(table.lines[0]["label"])
        raise TimbreError(
            f"{table.path}: all lines have the label '{label}'; two classes are the fewest, so add others"
        )
    if untrained := _untrained(labels, speakers, parts):
        lines = [line for line, label in zip(table.lines, labels, strict=True) if label == untrained[0]]
        speaker, label = shown(lines[0]["speaker"]), shown(lines[0]["label"])
        problem = (
            f"only the speaker '{speaker}' has the label '{label}', so nothing trains it where they are tested"
        )
        if parts:
            problem = f"the label '{label}' is tested, and no line trains it"
        mend = "leave its lines out, join it with another label, or add speakers who have it to those trained on"
        raise table.refusal(lines, problem, mend)


def _say_shared(speakers: Sequence[str], parts: Sequence[str], report: Report) -> None:
    pairs = set(zip(parts, speakers, strict=True))
    if shared := sorted(
        (name for part, name in pairs if part == "test" and ("train", name) in pairs), key=str.encode
    ):
        counted = f"{len(shared)} of {len(set(speakers))} speakers"
        report(f"split: {counted} are trained on and tested, so figures are speaker-dependent: {some(shared)}")


def utterance_names(table: Table, speakers: Sequence[str]) -> list[str]:
    """An id of each line: speaker and file's name, with as many of the folders above as tell all apart."""
    paths = [PurePath(line["path"]).with_suffix("").parts for line in table.lines]
    names: list[str] = []
    for depth in range(1, max(map(len, paths)) + 1):
        ends = (as_key("/".join(path[-depth:])) for path in paths)
        names = [f"{speaker}-{end}" for speaker, end in zip(speakers, ends, strict=True)]
        if len(set(names)) == len(names):
            return names
    first: dict[str, Line] = {}
    for line, name in zip(table.lines, names, strict=True):
        if (before := first.setdefault(name, line)) is not line:
            problem = f"the file would be called '{name}', as that of line {before.number}"
            raise table.refusal([line], problem, "make them differ in letters or digits before the suffix")
    return names
