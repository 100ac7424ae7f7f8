"""Frames of an earlier version of a data directory, for one whose audio is the same and whose labels are not.

A corrected label or transcript makes a data directory anew, but not its frames: their arks are linked into the new
folder, and the tables about them are copied.
"""

from __future__ import annotations

import os
from pathlib import Path

from timbre.conf_files import read_mapping
from timbre.kaldi.atomic import atomic_write, copy_file
from timbre.kaldi.layout import FRONT_END, NOTES
from timbre.kaldi.text import read_lines, read_optional, read_table
from timbre.pipeline.record import Record, read_record
from timbre.pipeline.state import MAKING

_SOURCES = ("wav.scp", "segments", "given.scp", "utt2mel_len")  # what decides which samples an utterance has
_SCPS = ("feats.scp", "vad.scp")
_ABOUT = (*NOTES, "feats.skipped", FRONT_END)


def reuse_frames(out: Path, work: Path) -> int:
    """Takes the frames of ``out`` into ``work``, if they are what would be made there; returns how many, or 0.

    Args:
        out: the link to the earlier version.
        work: the folder that replaces it, with its tables and the record of what it is made of.
    """
    old = out.parent / os.readlink(out) if out.is_symlink() else None
    there, now = (read_record(old) if old else None), read_record(work, MAKING)
    if there is None or now is None or _decides(there) != _decides(now) or not (old / "feats.scp").exists():
        return 0
    skipped = read_optional(old / "feats.skipped") or {}
    utterances = read_table(work / "utt2spk").keys()
    if utterances != read_table(old / "utt2spk").keys() | skipped.keys():
        return 0
    if "by_speaker" in (read_mapping(old / FRONT_END) if (old / FRONT_END).exists() else {}):
        return 0  # who says what has changed, perhaps
    (work / "data").mkdir(exist_ok=True)
    for ark in (old / "data").glob("*.ark"):
        try:
            os.link(ark, work / "data" / ark.name)
        except OSError:  # a file system without hard links
            copy_file(ark, work / "data" / ark.name)
    for name in _SCPS:
        if (old / name).exists():
            lines = (line.replace(f"{old}/data/", f"{work}/data/", 1) for _, line in read_lines(old / name))
            with atomic_write(work / name) as file:
                file.writelines(f"{line}\n" for line in lines)
    for name in _ABOUT:
        if (old / name).exists():
            copy_file(old / name, work / name)
    return len(utterances)


def _decides(record: Record) -> list[object]:
    """What frames depend on: the step's form and options, the conf, and which samples there are."""
    inputs = {path: state.sha256 for path, state in record.inputs.items() if Path(path).name in _SOURCES}
    return [record.step, record.form, record.values, record.conf, inputs, record.audio]
