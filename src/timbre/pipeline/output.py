"""Beginning and ending a step: its output is made when missing or stale, takes its place whole, and has a record.

Whoever calls :func:`begin` holds the lock of the output (``utils/step.sh``), until :func:`end` has been called.
"""

from __future__ import annotations

import contextlib
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from timbre.errors import MachineError, TimbreError, some
from timbre.pipeline import folder, in_place
from timbre.pipeline.declaration import Declaration
from timbre.pipeline.record import changes, describe, read_record, write_record
from timbre.pipeline.state import State, edited, making_name, record_name, state_of


def begin(step: Declaration, force: bool = False) -> tuple[State, Path | None]:
    """The state of the output, and where the step is to work: ``None`` when there is nothing to do.

    Raises:
        TimbreError: for an input that is not there, and where people have edited what would be made anew.
    """
    state = state_of(step)
    if state.now is None:
        raise TimbreError(state.reasons[0])
    fresh = state.word == "fresh" and not force
    if step.in_place:
        in_place.tidy(step, fresh)
    else:
        folder.tidy(step, state.now, fresh)
    if fresh:
        _refresh(step, state)
        return state, None
    started = read_record(step.output, making_name(step)) if step.in_place else None
    half_written = started is not None and started.fingerprint == state.now.fingerprint
    if state.there and not force and not half_written and (tables := edited(step, state.there)):
        raise TimbreError(
            f"{step.output}: {'; '.join(changes(state.there, state.now)[:3])}, so it is to be made anew, but "
            f"{some(tables, 3)} was edited since; --force writes over it, --stage 1 keeps it and goes on from there"
        )
    if step.in_place:
        return state, in_place.begin_files(step, state.now, state.there, started, force)
    if not force and folder.adopt(step, state.now):
        return State("fresh", ["an earlier version, made of the same"], state.now), None
    return state, folder.begin_folder(step, state.now, force)


def end(step: Declaration, work: Path, seconds: float = 0.0) -> None:
    """Puts what was made in ``work`` in its place, with its record.

    Raises:
        TimbreError: for an input that has changed since :func:`begin`, and a file that was not written.
    """
    making = making_name(step)
    before = read_record(work, making)
    if before is None:
        if state_of(step).word == "fresh":  # another machine that took part has ended it
            return
        raise TimbreError(f"{work}: the step has not begun there")
    now = describe(step, before)
    if changed := changes(before, now):
        (work / making).unlink()  # nobody goes on with a mixture
        raise TimbreError(f"{step.output}: {'; '.join(changed[:3])} while it was made; run the same command again")
    now.run = {"at": time.strftime("%F %T"), "seconds": round(seconds, 1), **_versions_of_code()}
    if step.in_place:
        in_place.end_files(step, now)
    else:
        folder.end_folder(step, work, now)


def _refresh(step: Declaration, state: State) -> None:
    """Writes the record again where the times of inputs have changed, and not they."""
    now, there = state.now, state.there
    if any(there.inputs[path] != found for path, found in now.inputs.items()):
        now.outputs, now.tables, now.run = there.outputs, there.tables, there.run
        with contextlib.suppress(MachineError):  # it spares the next run a look at the inputs, and no more
            write_record(now, step.output, record_name(step))


def _versions_of_code() -> dict[str, str]:
    """The commit and the versions of libraries, for people."""
    found = {"python": platform.python_version()}
    for package in ("torch", "torchaudio", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        commit = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        commit = ""
    return found | ({"commit": commit} if commit else {})
