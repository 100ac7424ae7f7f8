"""Hashes of what a stage reads: files by their content, audio by path, size and time.

The content of a file is hashed once. Afterwards its size, times and inode stand for the hash as long as they are
the same; the time of the last change of the inode cannot be set by ``cp -p``, ``rsync -t`` or ``touch``. They are a
cache, never the truth: where one of them differs the content is read again.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import time
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from timbre.errors import TimbreError
from timbre.kaldi.layout import SETTINGS, keyed_by, made_by
from timbre.kaldi.rxfile import is_command, parse_rxfile
from timbre.kaldi.text import read_table

_BLOCK = 1 << 20
_TICK = 2 * 10**9  # ns: the coarsest clock of a file system (FAT's); a file changed so lately may change unseen
_BESIDE = ("enrol", *SETTINGS)
RECORD = "record.json"
"""The file name of the record of a folder, and the end of that of files in place."""
_PATHS = ("wav.scp", "given.scp")  # whose values are paths whole, without offset and range
FRAMES = ("feats.scp", "vad.scp", "feats_*.scp", "vectors_*.scp")
"""Tables that point to arks: what they point to is known by the record of the data directory."""


@dataclass(frozen=True)
class FileState:
    """A file's hash, and by what it is known that the file is still the same.

    Attributes:
        stat: size (bytes), times of change of the content and of the inode (ns), and the inode.
    """

    sha256: str
    stat: tuple[int, ...]

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> FileState:
        """What :func:`dataclasses.asdict` and JSON have made of one."""
        return cls(values["sha256"], tuple(values["stat"]))

    @classmethod
    def of(cls, path: Path, known: FileState | None = None) -> FileState:
        """The state of a file; ``known`` is what it was before, whose hash is taken if nothing has changed.

        Raises:
            TimbreError: where there is no such file.
        """
        try:
            found = os.stat(path)
            stat = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
            if known is not None and known.stat == stat:
                return known
            digest = hashlib.sha256()
            with open(path, "rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
        except FileNotFoundError:
            raise TimbreError(f"{path}: no such file") from None
        except OSError as error:
            raise TimbreError(f"{path}: cannot be read: {error.strerror}") from error
        if time.time_ns() - found.st_ctime_ns < _TICK:
            stat = ()  # too young for its times to tell
        return cls(digest.hexdigest(), stat)


def data_tables(path: Path) -> list[Path]:
    """The files of a data directory that a stage may read, in byte order; not its trials, nor tables of arks."""
    if not path.is_dir():
        maker = made_by(path) or "the preparation of the corpus (stage 0)"
        raise TimbreError(f"{path}: no such data directory; {maker} makes it")
    names = (entry.name for entry in os.scandir(path) if entry.is_file())
    return [
        path / name for name in sorted(names) if (keyed_by(name) or name in _BESIDE) and not _matches(name, FRAMES)
    ]


def frame_tables(path: Path) -> list[Path]:
    """The tables of a data directory that point to arks."""
    return sorted(file for pattern in FRAMES for file in path.glob(pattern))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


@dataclass(frozen=True)
class Audio:
    """The files that a data directory's audio is read from, by path, size and time.

    Attributes:
        names: their paths, each once, in the order in which they stand.
        stats: two numbers for each: size (bytes) and time of the last change (ns); -1, -1 of one that is gone.
    """

    names: tuple[str, ...]
    stats: array

    @classmethod
    def of(cls, tables: Iterable[Path]) -> Audio:
        """The files that these tables name: wav.scp, given.scp, scps of arks; commands are known by their text."""
        found: dict[str, None] = {}
        for table in tables:
            for source in read_table(table).values():
                if not is_command(source):
                    found[parse_rxfile(source).path if table.name not in _PATHS else source] = None
        stats = array("q")
        for name in found:
            stats.extend(_size_and_time(name))
        return cls(tuple(found), stats)

    @property
    def sha256(self) -> str:
        """A hash of all of it."""
        digest = hashlib.sha256("\n".join(self.names).encode())
        digest.update(self.stats.tobytes())
        return digest.hexdigest()

    def changed(self, other: Audio) -> list[str]:
        """The files that are in both and not the same."""
        before = {name: other.stats[2 * row : 2 * row + 2] for row, name in enumerate(other.names)}
        return [
            name
            for row, name in enumerate(self.names)
            if name in before and before[name] != self.stats[2 * row : 2 * row + 2]
        ]


def _size_and_time(name: str) -> tuple[int, int]:
    try:
        found = os.stat(name)
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns


def is_content(path: PurePath) -> bool:
    """Whether a file, by its path below a folder, belongs to what is in it: no log, no record, not hidden."""
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and path.parts[0] != "log" and not path.name.endswith(RECORD)


def folder_files(folder: Path) -> dict[str, tuple[int, int]]:
    """``{path below it: (size, time of change)}`` of the files of a corpus that :func:`is_content`."""
    found: dict[str, tuple[int, int]] = {}
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir():
                        waiting.append(entry.path)
                    elif is_content(inside := PurePath(os.path.relpath(entry.path, folder))):
                        stat = entry.stat()
                        found[str(inside)] = stat.st_size, stat.st_mtime_ns
        except OSError as error:
            raise TimbreError(f"{error.filename}: cannot be read: {error.strerror}") from error
    return dict(sorted(found.items()))


def digest_of(values: Mapping[str, Any] | list[Any]) -> str:
    """A hash of plain data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
