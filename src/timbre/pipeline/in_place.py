"""Outputs that are files in a folder that others write into as well: ``exp/x/final.pt``, ``data/train/utt2spk``.

Their record is ``<step>.record.json`` in that folder.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from timbre.errors import TimbreError
from timbre.pipeline.declaration import Declaration
from timbre.pipeline.fingerprint import FileState
from timbre.pipeline.record import Record, remove_record, write_record
from timbre.pipeline.state import files_of, is_output, making_name, misfits, record_name


def tidy(step: Declaration, whole: bool) -> None:
    """Removes the temporary files of killed runs; of a fresh output the record of its making, too."""
    if not step.output.is_dir():
        return
    for pattern in map(Path, step.files + step.beside):
        for path in step.output.glob(str(pattern.with_name(f".{pattern.name}.*.tmp"))):
            path.unlink(missing_ok=True)
    if whole:
        remove_record(step.output, making_name(step))


def begin_files(step: Declaration, now: Record, there: Record | None, started: Record | None, force: bool) -> Path:
    """Makes the folder ready: what was made of something else is set aside, where the step would go on with it.

    Args:
        there: the record of the files; ``started`` that of a run which did not end.
    """
    same = not force and now.fingerprint in [one.fingerprint for one in (there, started) if one]
    if same and there and not step.edited:
        for name in misfits(step.output, there):  # damaged, or gone
            (step.output / name).unlink(missing_ok=True)
    if step.resumable and not same:
        _set_aside(step, there)
    step.output.mkdir(parents=True, exist_ok=True)
    write_record(now, step.output, making_name(step))
    if not step.edited:  # the record of tables tells what people have edited, should the step fail now
        (step.output / record_name(step)).unlink(missing_ok=True)
    return step.output


def _set_aside(step: Declaration, there: Record | None) -> None:
    """Moves what was made of something else into a hidden folder, where people find it until they clean up."""
    files = [path for path in files_of(step, step.files + step.beside) if path.exists()]
    if not files:
        return
    aside = step.output / f".{step.step}.{there.fingerprint[:8] if there else 'earlier'}"
    aside.mkdir(exist_ok=True)
    for path in files:
        if (before := aside / path.name).is_dir():  # made of the same, and set aside before
            shutil.rmtree(before)
        path.rename(before)
    print(f"{step.output}: what was there is kept as {aside} until utils/clean.sh removes it", file=sys.stderr)


def end_files(step: Declaration, now: Record) -> None:
    """Writes the record of the files.

    Raises:
        TimbreError: for one that was not written.
    """
    if gone := [name for name in step.files if "*" not in name and not (step.output / name).exists()]:
        raise TimbreError(f"{step.output}/{gone[0]}: was not written; this is a defect of {step.step}")
    files = {str(path.relative_to(step.output)): path for path in files_of(step) if is_output(step.output, path)}
    now.outputs = {name: path.stat().st_size for name, path in files.items()}
    now.tables = {name: FileState.of(path) for name, path in files.items()} if step.edited else {}
    write_record(now, step.output, record_name(step))
    remove_record(step.output, making_name(step))
