"""What of data and experiments is of no use any more: left by killed runs, replaced, or read by no experiment."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from timbre.errors import TimbreError
from timbre.kaldi.layout import is_features_folder
from timbre.kaldi.text import read_lines
from timbre.pipeline.plan import read_names
from timbre.pipeline.record import read_record

_TEMPORARY = re.compile(r"^\..+\.\d+\.tmp$")


@dataclass(frozen=True)
class Leftover:
    """Something that can be removed, and why."""

    path: Path
    reason: str

    @property
    def size(self) -> int:
        """In bytes, of all that is in it."""
        files = self.path.rglob("*") if self.path.is_dir() else [self.path]
        return sum(file.lstat().st_size for file in files if not file.is_dir())

    def remove(self) -> None:
        """Removes it."""
        if self.path.is_dir():
            shutil.rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)


def leftovers(roots: list[Path], experiments: Path) -> list[Leftover]:
    """What can be removed below ``roots``, data directories and experiments.

    Args:
        experiments: where experiments lie, whose plans say which features are read.

    Raises:
        TimbreError: for a root that is not there, and while a run is under way in one of them or in an experiment.
    """
    for root in roots:
        if not root.is_dir():
            raise TimbreError(f"{root}: no such folder")
    for root in dict.fromkeys([*roots, experiments]):
        if (running := next(_held_locks(root), None)) is not None:
            raise TimbreError(f"{running[0]} is held by {running[1]}; wait until it has ended")
    used = _used_folders(experiments)
    found: list[Leftover] = []
    for root in roots:
        for folder, names, files in os.walk(root):
            here = Path(folder)
            gone = {item.path.name: item for name in names if (item := _folder(here / name, used))}
            names[:] = [name for name in names if name not in gone]
            found += gone.values()
            temporary = filter(_TEMPORARY.match, files)
            found += [Leftover(here / name, "unfinished, of a killed run") for name in temporary]
    return sorted(found, key=lambda item: item.path)


def _folder(path: Path, used: set[Path]) -> Leftover | None:
    """A folder that is of no use, ``None`` for one that is."""
    if path.is_symlink():
        return None
    if path.name.startswith("."):
        link = path.with_name(path.name[1:].rpartition(".")[0])
        if link.is_symlink() and os.readlink(link) == path.name:
            return None
        if (path / ".making.json").exists():
            return Leftover(path, "unfinished: the same run.sh goes on with it, if nothing has changed")
        if read_record(path) is not None or path.name.endswith(".earlier") or (path / "final.pt").exists():
            return Leftover(path, f"replaced by {link}" if link.exists() else "replaced by what was made anew")
        return None
    if is_features_folder(path.name) and path.resolve() not in used:
        return Leftover(path, "no experiment reads it")
    return None


def _used_folders(experiments: Path) -> set[Path]:
    """The folders of features that plans name, of streams too."""
    used: set[Path] = set()
    for names in experiments.rglob("plan/names"):
        plan = read_names(names.parent)
        used |= {Path(plan[name]).resolve() for name in ("feats", "baseline", "functionals") if name in plan}
        used |= {Path(plan[name]).parent.resolve() for name in ("train", "augmented") if name in plan}
        streams = names.with_name("streams")
        if streams.exists():
            root = Path(plan["feats"]).parent
            folders = (folder for _, line in read_lines(streams) for folder in line.split()[1:3] if folder != "-")
            used |= {(root / folder).resolve() for folder in folders}
    return used


def _held_locks(root: Path) -> Iterator[tuple[Path, str]]:
    """The locks that a run holds, and who it is."""
    for path in root.rglob(".*.lock"):
        with open(path, encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield path, file.read()
