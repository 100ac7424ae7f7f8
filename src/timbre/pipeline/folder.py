"""Outputs that are folders: ``data/x/train`` is a link to ``data/x/.train.1a2b3c4d``, named by what it is made of.

A step works in a folder of that name and, when it has ended well, the link is set to it in one move: nothing
changes under a reader.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from timbre.pipeline.declaration import Declaration
from timbre.pipeline.record import Record, read_record, remove_record, write_record
from timbre.pipeline.state import MAKING, is_output, misfits


def tidy(step: Declaration, now: Record | None, whole: bool) -> None:
    """Removes what killed runs have left beside an output.

    Args:
        now: the record of the inputs as they are: what was made of the same is kept, if the step can go on with it.
        whole: whether the output is fresh, so that nothing beside it is of use but what is kept for other readers.
    """
    _link(step.output).unlink(missing_ok=True)
    current = _current(step.output)
    for path in _versions(step.output):
        if path == current or path.name.endswith(".earlier"):
            continue
        if read_record(path) is not None:  # whole: an earlier version, or one whose link was not set yet
            if not step.keep and whole:
                shutil.rmtree(path)
        elif whole or not (step.resumable and now and _is_made_of(path, now, MAKING)):
            shutil.rmtree(path)


def adopt(step: Declaration, now: Record) -> bool:
    """Takes a version that was made of the same before, if there is one; whether there is."""
    for path in _versions(step.output):
        record = read_record(path)
        if record is None or record.fingerprint != now.fingerprint or path == _current(step.output):
            continue
        if not misfits(path, record):
            remove_record(path, MAKING)  # of a run that failed between the two
            _set_link(step, path)
            return True
    return False


def begin_folder(step: Declaration, now: Record, force: bool) -> Path:
    """The folder to work in: one that a killed run has begun, if the step can go on with it, or a new one."""
    for path in _versions(step.output):
        if step.resumable and not force and _is_made_of(path, now, MAKING):
            return path
    name = f".{step.output.name}.{now.fingerprint[:8]}"
    free = (step.output.parent / f"{name}{suffix}" for suffix in ["", *(f"-{n}" for n in range(2, 1000))])
    work = next(path for path in free if not path.exists())
    work.mkdir(parents=True)
    write_record(now, work, MAKING)
    return work


def end_folder(step: Declaration, work: Path, now: Record) -> None:
    """Writes the record of what was made, and sets the link to it."""
    for path in work.rglob(".*.tmp"):  # of a run that was killed here
        path.unlink()
    files = [path for path in sorted(work.rglob("*")) if is_output(work, path)]
    now.outputs = {str(path.relative_to(work)): path.stat().st_size for path in files}
    write_record(now, work)
    remove_record(work, MAKING)
    _set_link(step, work)


def _set_link(step: Declaration, work: Path) -> None:
    output, old = step.output, _current(step.output)
    link, earlier = _link(output), output.is_dir() and not output.is_symlink()
    link.unlink(missing_ok=True)
    link.symlink_to(work.name)
    if earlier:  # made before there were records
        old = output.parent / f".{output.name}.earlier"
        shutil.rmtree(old, ignore_errors=True)
        output.rename(old)
    try:
        os.replace(link, output)
    except OSError:
        if earlier:
            old.rename(output)
        raise
    if old and old != work and old.exists():
        if step.keep or old.name.endswith(".earlier"):
            print(f"{output}: what was there is kept as {old} until utils/clean.sh removes it", file=sys.stderr)
        else:
            shutil.rmtree(old)


def _is_made_of(path: Path, now: Record, name: str) -> bool:
    record = read_record(path, name)
    return record is not None and record.fingerprint == now.fingerprint


def _link(output: Path) -> Path:
    return output.parent / f".{output.name}.link"


def _versions(output: Path) -> list[Path]:
    """The hidden folders of an output, whole or not."""
    return sorted(
        path for path in output.parent.glob(f".{output.name}.*") if path.is_dir() and not path.is_symlink()
    )


def _current(output: Path) -> Path | None:
    return output.parent / os.readlink(output) if output.is_symlink() else None
