"""Outputs that appear whole or not at all: a temporary name in the same folder, flush, rename.

Files that belong to each other are written in a block of :func:`together`: all of them are replaced, or none.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from timbre.errors import MachineError, fault

_groups: list[dict[Path, Path | None]] = []
"""Of the open blocks of :func:`together`: ``{path: its temporary file}``, ``None`` for what is to be removed."""


@contextlib.contextmanager
def atomic_write(path: str | Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Opens a file that takes the name ``path`` only when the block ends without an error.

    Text is UTF-8 with ``\\n`` line ends. The folder is made if need be. On any error, a full disk
    included, the temporary file is removed and what stood at ``path`` before still stands there.

    Raises:
        MachineError: naming the file, where the system refuses to write it.
    """
    path = Path(path)
    temporary = _beside(path)
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        with _named(path, temporary):
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(temporary, mode, **text) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if not _groups:
                os.replace(temporary, path)
    except BaseException:
        _remove_quietly(temporary)
        raise
    if _groups:
        _groups[-1][path] = temporary


def copy_file(source: str | Path, path: str | Path) -> None:
    """Copies a file, whole or not at all."""
    with open(source, "rb") as data, atomic_write(path, "wb") as file:
        shutil.copyfileobj(data, file)


def remove(path: str | Path) -> None:
    """Removes a file, if it is there; in a block of :func:`together` at its end."""
    if _groups:
        _groups[-1][Path(path)] = None
        return
    with _named(Path(path)):
        Path(path).unlink(missing_ok=True)


@contextlib.contextmanager
def together() -> Iterator[None]:
    """All that the block writes and removes takes effect at its end, or, on any error, nothing does.

    Only a kill between two renames can leave some files new and some old. The block cannot read what it writes.
    """
    changes: dict[Path, Path | None] = {}
    _groups.append(changes)
    try:
        try:
            yield
        finally:
            _groups.pop()
        if _groups:
            _groups[-1].update(changes)
        else:
            _take_effect(changes)
    except BaseException:
        for temporary in filter(None, changes.values()):
            _remove_quietly(temporary)
        raise


def _take_effect(changes: dict[Path, Path | None]) -> None:
    """Renames and removes; on an error what stood there is put back."""
    kept: dict[Path, Path] = {}
    new: set[Path] = set()
    done: list[Path] = []
    try:
        for path in changes if len(changes) > 1 else ():
            with _named(path):
                if not os.path.lexists(path):
                    new.add(path)
                elif _linked(path, old := _beside(path, ".old")):
                    kept[path] = old
        for path, temporary in changes.items():
            with _named(path):
                if temporary is None:
                    path.unlink(missing_ok=True)
                else:
                    os.replace(temporary, path)
            done.append(path)
    except BaseException:
        for path in done:
            with contextlib.suppress(OSError):
                if path in kept:
                    os.replace(kept[path], path)
                elif path in new:
                    path.unlink(missing_ok=True)
        raise
    finally:
        for old in kept.values():
            _remove_quietly(old)


def _linked(path: Path, old: Path) -> bool:
    """Whether ``old`` is a further name of the file now; folders and some file systems have none."""
    _remove_quietly(old)
    try:
        os.link(path, old, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
            return False
        raise
    return True


def _beside(path: Path, what: str = "") -> Path:
    """A hidden name in the same folder, which utils/clean.sh knows."""
    return path.with_name(f".{path.name}{what}.{os.getpid()}.tmp")


@contextlib.contextmanager
def _named(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """The system's errors name ``path``, unless they are about another file."""
    try:
        yield
    except OSError as error:
        if isinstance(error.filename, str) and Path(error.filename) not in (path, temporary, *path.parents):
            raise
        folder = f"{error.filename}: " if error.filename in map(str, path.parents) else ""
        raise MachineError(f"cannot write {path}: {folder}{fault(error)}") from error


def _remove_quietly(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
