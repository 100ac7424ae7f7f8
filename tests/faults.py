"""Faults of writing at the n-th call, for every n: each kind of output, and what is left on the disk after each.

A fault is an OSError that a call (``open``, ``write``, ``fsync``, ``rename``, ``unlink`` …) raises
for a path below a folder. :func:`try_all` makes an output again and again, with a fault at the first call, at the
second and so on, until there is none to fail.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import hashlib
import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from timbre.errors import TimbreError, machine_fault

ONE_PATH = ("unlink", "remove", "mkdir", "rmdir")
TWO_PATHS = ("rename", "replace", "link", "symlink")
REMOVING = {"unlink", "remove", "rmdir"}
NO_SPACE_NEEDED = REMOVING | {"rename", "replace"}
TEMPORARY = re.compile(r"^\..+\.\d+\.tmp$")  # what utils/clean.sh removes
ERRORS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EACCES": errno.EACCES}


class Faults:
    """Counts the calls that change something below ``root``; the ``at``-th fails, as ``number`` says.

    With ``lasting`` all calls after it fail, too, that need space: a disk that is full stays full.
    """

    def __init__(self, root: Path, at: int, number: int, lasting: bool = False) -> None:
        self._root, self._at, self._number, self._lasting = root, at, number, lasting
        self.calls: list[str] = []

    @property
    def failed(self) -> str:
        """The call that failed."""
        return self.calls[self._at - 1] if len(self.calls) >= self._at else "none"

    def call(self, name: str, path: object = None) -> None:
        """Notes a call, or fails it."""
        self.calls.append(name)
        count = len(self.calls)
        if count == self._at or (self._lasting and count > self._at and name not in NO_SPACE_NEEDED):
            raise OSError(self._number, os.strerror(self._number), *([os.fspath(path)] if path else []))

    def inside(self, path: object) -> bool:
        """Whether a path is below the root; those relative to a folder's handle are (shutil.rmtree)."""
        if isinstance(path, int):
            return False
        return Path(os.path.abspath(os.fsdecode(path))).is_relative_to(self._root)

    @contextlib.contextmanager
    def active(self) -> Iterator[Faults]:
        """The block meets the fault."""
        with contextlib.ExitStack() as stack:
            for name in ONE_PATH:
                stack.enter_context(mock.patch.object(os, name, self._one_path(name, getattr(os, name))))
            for name in TWO_PATHS:
                stack.enter_context(mock.patch.object(os, name, self._two_paths(name, getattr(os, name))))
            stack.enter_context(mock.patch.object(os, "fsync", self._fsync(os.fsync)))
            opened = self._open(io.open)
            stack.enter_context(mock.patch.object(builtins, "open", opened))
            stack.enter_context(mock.patch.object(io, "open", opened))
            yield self

    def _one_path(self, name: str, real: Callable) -> Callable:
        def called(path, *args, **options):
            if self.inside(path) or options.get("dir_fd") is not None:
                self.call(name, path)
            return real(path, *args, **options)

        return called

    def _two_paths(self, name: str, real: Callable) -> Callable:
        def called(source, target, *args, **options):
            if self.inside(target):
                self.call(name, target)
            return real(source, target, *args, **options)

        return called

    def _fsync(self, real: Callable) -> Callable:
        def called(handle):
            self.call("fsync")
            return real(handle)

        return called

    def _open(self, real: Callable) -> Callable:
        def called(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *others, **further):
            writes = set(mode) & set("wax+")
            if not writes or isinstance(file, int) or not self.inside(file):
                return real(file, mode, buffering, encoding, errors, newline, *others, **further)
            self.call("open", file)
            raw = _Raw(self, file, mode.replace("b", "").replace("t", ""))
            if buffering == 0:
                return raw
            buffered = io.BufferedWriter(raw)
            return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)

        return called


class _Raw(io.FileIO):
    """A file whose writes are counted."""

    def __init__(self, faults: Faults, *args) -> None:
        self._faults = faults
        super().__init__(*args)

    def write(self, data) -> int:
        self._faults.call("write")
        return super().write(data)


@dataclass(frozen=True)
class Output:
    """A kind of output.

    Attributes:
        old: writes what stands there before; nothing may be.
        new: writes the new output.
        each: its files are replaced one by one, each of them whole. Else all of them are old or new.
        gone: the old one may be gone, too, where the same command makes the new one.
        state: what of a folder is compared, by default its files' bytes.
    """

    old: Callable[[Path], None]
    new: Callable[[Path], None]
    each: bool = False
    gone: bool = False
    state: Callable[[Path], object] = field(default=lambda folder: contents(folder))


@dataclass
class Tally:
    """What faults did: ``calls`` of an undisturbed run; of the ``faults`` tried, what was left."""

    calls: int = 0
    faults: int = 0
    old: int = 0
    new: int = 0
    between: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    not_again: list[str] = field(default_factory=list)

    @property
    def defects(self) -> list[str]:
        return self.between + self.tracebacks + self.left + self.not_again


def contents(folder: Path) -> dict[str, str]:
    """The files below a folder, and the links, by path; temporary files are not in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if any(TEMPORARY.match(part) for part in Path(name).parts):
            continue
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def temporary_files(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if TEMPORARY.match(path.name)]


def try_all(
    output: Output,
    folder: Path,
    numbers: dict[str, int] | None = None,
    lasting: tuple[bool, ...] = (False, True),
    choose: Callable[[int], bool] = lambda at: True,
) -> Tally:
    """Makes ``output`` in ``folder`` with every fault; ``choose`` says which calls are to fail."""
    tally, aside = Tally(), folder.with_name(f"{folder.name}.old")
    for path in (folder, aside):
        shutil.rmtree(path, ignore_errors=True)
    folder.mkdir(parents=True)
    output.old(folder)
    shutil.copytree(folder, aside, symlinks=True)
    old = output.state(folder)
    with Faults(folder, 1 << 60, 0).active() as counted:
        output.new(folder)
    new, tally.calls = output.state(folder), len(counted.calls)
    for name, number in (numbers or ERRORS).items():
        for stays in lasting if number == errno.ENOSPC else (False,):
            for at in filter(choose, range(1, tally.calls + 1)):
                where = f"{name}{' for good' * stays} at call {at}"
                _restore(folder, aside)
                _try(output, folder, Faults(folder, at, number, stays), where, old, new, tally)
    _restore(folder, aside)
    return tally


def _restore(folder: Path, aside: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(aside, folder, symlinks=True)


def _try(output: Output, folder: Path, faults: Faults, where: str, old: object, new: object, tally: Tally) -> None:
    tally.faults += 1
    try:
        with faults.active():
            output.new(folder)
    except Exception as error:
        said = str(error) if isinstance(error, TimbreError) else machine_fault(error)
        if said is None or "\n" in said:
            tally.tracebacks.append(f"{where} ({faults.failed}): {type(error).__name__}: {error}")
    found, failed = output.state(folder), faults.failed
    if found == new:
        tally.new += 1
    elif found == old or (output.each and _is_mixed(found, old, new)) or (output.gone and not found):
        tally.old += 1
    else:
        tally.between.append(f"{where} ({failed}): {_difference(found, old, new)}")
    names = temporary_files(folder)
    if names and failed not in REMOVING:  # one that could not be removed is left, and utils/clean.sh knows it
        tally.left.append(f"{where}: {names}")
    try:
        output.new(folder)
    except Exception as error:
        tally.not_again.append(f"{where}: {type(error).__name__}: {error}")
        return
    if (again := output.state(folder)) != new:
        tally.not_again.append(f"{where}: {_difference(again, new, new)}")
    names = temporary_files(folder)
    if names and failed not in REMOVING:
        tally.left.append(f"{where}, after the same command again: {names}")


def _is_mixed(found: dict, old: dict, new: dict) -> bool:
    """Whether each file is whole: the old one, the new one, or not there."""
    return all(found[name] in (old.get(name), new.get(name)) for name in found)


def _difference(found: object, old: object, new: object) -> str:
    """Which files are the old ones, the new ones, or neither."""
    if not isinstance(found, dict):
        return "neither the old one nor the new one"
    said = []
    for name in sorted({*found, *old, *new}):
        one, before, after = (state.get(name) for state in (found, old, new))
        if not one == before == after:
            said.append(f"{name}: {'old' if one == before else 'new' if one == after else 'neither'}")
    return ", ".join(said)
