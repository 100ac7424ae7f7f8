"""Whether an output is there, whole, and made of its inputs as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from timbre.errors import TimbreError, some
from timbre.pipeline.declaration import Declaration
from timbre.pipeline.fingerprint import RECORD, FileState, is_content
from timbre.pipeline.record import Record, changes, describe, read_record

MAKING = ".making.json"
"""The record of an output that is being made; in place ``.<step>.making.json``."""


@dataclass(frozen=True)
class State:
    """An output as it stands.

    Attributes:
        word: ``fresh``, ``stale`` or ``missing``.
        reasons: why it is not fresh; of a fresh one what is worth saying.
        now: the record of the inputs as they are; ``None`` where an input is not there.
        there: the record of the output; ``None`` where it has none.
    """

    word: str
    reasons: list[str] = field(default_factory=list)
    now: Record | None = None
    there: Record | None = None

    def __str__(self) -> str:
        return f"{self.word}: {'; '.join(self.reasons[:3])}" if self.reasons else self.word


def state_of(step: Declaration) -> State:
    """The state of a step's output; nothing is touched."""
    there = read_record(step.output, record_name(step))
    try:
        now = describe(step, there)
    except TimbreError as error:
        return State("stale" if there else "missing", [str(error)], there=there)
    if there is None:
        if step.in_place and (step.output / making_name(step)).exists():
            return State("stale", ["its last run did not end"], now)
        if _is_there(step):
            return State("stale", ["it has no record: made by an earlier version of timbre, or not whole"], now)
        return State("missing", now=now)
    notes = [f"{some(names, 3)} was edited since"] if (names := edited(step, there)) else []
    if reasons := changes(there, now) + damage(step, there):
        return State("stale", reasons + notes, now, there)
    return State("fresh", notes, now, there)


def record_name(step: Declaration) -> str:
    """The file name of a step's record."""
    return f"{step.step}.{RECORD}" if step.in_place else RECORD


def making_name(step: Declaration) -> str:
    """The file name of the record of what a step is making."""
    return f".{step.step}{MAKING}" if step.in_place else MAKING


def files_of(step: Declaration, patterns: tuple[str, ...] = ()) -> Iterator[Path]:
    """The files that a step writes in place, there or not; of patterns those that are there."""
    for pattern in patterns or step.files:
        yield from sorted(step.output.glob(pattern)) if "*" in pattern else [step.output / pattern]


def is_output(folder: Path, path: Path) -> bool:
    """Whether a path below ``folder`` is a file of an output."""
    return path.is_file() and is_content(path.relative_to(folder))


def misfits(folder: Path, record: Record) -> dict[str, int | None]:
    """The files of an output that have another size than the record says: ``{name: size}``, ``None`` if gone."""
    paths = {name: folder / name for name in record.outputs}
    sizes = {name: path.stat().st_size if path.is_file() else None for name, path in paths.items()}
    return {name: size for name, size in sizes.items() if size != record.outputs[name]}


def damage(step: Declaration, record: Record) -> list[str]:
    """What of an output is gone, or of another size than it was; people may change the size of their tables."""
    found = misfits(step.output, record)
    gone = [f"{step.output / name} is gone" for name, size in found.items() if size is None]
    cut = {} if step.edited else {name: size for name, size in found.items() if size is not None}
    sizes = [
        f"{step.output / name} is damaged ({size} bytes of {record.outputs[name]})" for name, size in cut.items()
    ]
    return gone + sizes


def edited(step: Declaration, record: Record) -> list[str]:
    """The tables of an output that people have changed since it was made."""
    paths = {step.output / name: state for name, state in record.tables.items() if (step.output / name).is_file()}
    return [str(path) for path, state in paths.items() if FileState.of(path, state).sha256 != state.sha256]


def _is_there(step: Declaration) -> bool:
    if step.in_place:
        return any(is_output(step.output, path) for path in files_of(step))
    return step.output.exists()
