"""Mends a data directory as Kaldi's ``utils/fix_data_dir.sh`` does: sorted, unique, of one set of utterances.

utt2spk is primary and spk2utt derived. An utterance stays when every filtering table knows it, its recording
has a line in ``wav.scp`` and its speaker one in each filtering speaker table. Other tables (``utt2emotion``) are
filtered but filter nothing, and the models of ``enrol`` are made of what stays. ``vad.scp``, which Kaldi does not
count among the first, does filter: the step that reads it needs it of all utterances.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from timbre.errors import TimbreError, some
from timbre.kaldi.atomic import copy_file, together
from timbre.kaldi.datadir import invert
from timbre.kaldi.enrolment import leave_out
from timbre.kaldi.layout import derive, is_whole, keyed_by, tables
from timbre.kaldi.table_forms import segment_of
from timbre.kaldi.text import check_values, read_rows, write_table

_ABOVE_ZERO = ("utt2dur", "utt2num_frames")


def fix(
    path: str | Path,
    utterance_extra: Iterable[str] = (),
    speaker_extra: Iterable[str] = (),
    report: Callable[[str], None] = print,
) -> tuple[int, int]:
    """Mends ``path`` in place; a file that changes is kept as it was in ``path/.backup``.

    Args:
        path: the data directory.
        utterance_extra, speaker_extra: names of further files to filter, keyed by utterance or speaker.
        report: takes a line for each table that lacked utterances, and for each repeat with another value.
    Returns:
        utterances kept, utterances there were.
    Raises:
        TimbreError: nothing would remain, or a file cannot be read; then nothing has changed.
    """
    path = Path(path)
    kinds = {name: keyed_by(name) for name in tables(path)}
    kinds |= {name: "utterance" for name in utterance_extra if (path / name).exists()}
    kinds |= {name: "speaker" for name in speaker_extra if (path / name).exists()}
    if "utt2spk" not in kinds:
        mend = f"; run: {derive(path, 'utt2spk')}" if "spk2utt" in kinds else ""
        raise TimbreError(f"{path / 'utt2spk'}: no such file{mend}")

    found = {name: _first_of_each(path / name, report) for name in kinds if name != "spk2utt"}
    utt2spk = found["utt2spk"]
    recording_of = {utt: segment_of(value)[0] for utt, value in found.get("segments", {}).items()}
    keep = dict(utt2spk)
    for name, table in found.items():
        if is_whole(name):
            key_of = {"utterance": {}, "speaker": utt2spk, "recording": recording_of}[kinds[name]]
            known = {key for key, value in table.items() if name not in _ABOVE_ZERO or _above_zero(value)}
            lacking = [utt for utt in utt2spk if key_of.get(utt, utt) not in known]
            if lacking:
                what = "has no number above 0 of" if name in _ABOVE_ZERO else "lacks"
                report(f"{name} {what} {len(lacking)} utterances: {some(lacking)}")
            for utt in lacking:
                keep.pop(utt, None)
    if not keep:
        raise TimbreError(f"{path}: no utterance stands in all of {', '.join(found)}: do their ids differ in form?")

    remain = {
        "utterance": keep,
        "speaker": set(keep.values()),
        "recording": {recording_of.get(utt, utt) for utt in keep},
    }
    with together():
        for name, table in found.items():
            _replace(path / name, {key: value for key, value in table.items() if key in remain[kinds[name]]})
        _replace(path / "spk2utt", {speaker: " ".join(utts) for speaker, utts in invert(keep).items()})
        if (path / "enrol").exists():
            _replace(path / "enrol", leave_out(_first_of_each(path / "enrol", report), keep, report))
    return len(keep), len(utt2spk)


def _first_of_each(path: Path, report: Callable[[str], None]) -> dict[str, str]:
    """The table with the first line of each key, as ``sort -u`` keeps one; a differing repeat is reported."""
    table: dict[str, str] = {}
    for number, (key, value) in enumerate(read_rows(path), start=1):
        if table.setdefault(key, value) != value:
            report(f"{path.name}:{number}: '{key}' stands there twice: kept '{table[key]}', dropped '{value}'")
    return table


def _above_zero(value: str) -> bool:
    return float(value) > 0


def _replace(path: Path, table: dict[str, str]) -> None:
    """Writes the table where that changes the file, the former file kept in ``.backup``."""
    check_values(path, table)
    if path.exists():
        content = "".join(f"{key} {value}\n" for key, value in sorted(table.items()))
        if path.read_bytes() == content.encode():
            return
        copy_file(path, path.parent / ".backup" / path.name)
    write_table(path, table)
