"""What a classifier says of utterances: the probabilities of the classes, and which column is which class.

<folder>/posteriors.{ark,scp}   a vector (C,) for each utterance, its values sum to 1
<folder>/classes                lines '<class> <column>', columns counted from 0
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError, some
from timbre.kaldi.atomic import copy_file
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.labels import read_labels
from timbre.kaldi.tables import ArkWriter, read_vectors
from timbre.kaldi.text import read_optional, read_table, write_table
from timbre.kaldi.vectors import collect_vectors


@dataclass(frozen=True)
class Posteriors:
    """``utterances`` (N), ``classes`` (C), ``matrix`` (N, C) float32 of probabilities, and where they came from."""

    utterances: list[str]
    classes: list[str]
    matrix: np.ndarray
    path: str = "posteriors"

    @classmethod
    def read(cls, folder: str | Path) -> Posteriors:
        """Reads ``folder``.

        Raises:
            TimbreError: for columns that are not 0 to C − 1, vectors that are not C long, and what is no
                probability.
        """
        folder = Path(folder)
        classes = read_classes(folder / "classes")
        utterances, matrix = read_vectors(folder / "posteriors.scp")
        if matrix.shape[1] != len(classes):
            raise TimbreError(
                f"{folder}: posteriors of {matrix.shape[1]} classes, and {len(classes)} in {folder / 'classes'}; "
                "predict again (stage 3)"
            )
        bad = np.flatnonzero(~((matrix >= 0).all(axis=1) & (np.abs(matrix.sum(axis=1) - 1) < 1e-3)))
        if len(bad):
            raise TimbreError(
                f"{folder}/posteriors.scp: the values of '{utterances[bad[0]]}' are no probabilities that sum to 1 "
                f"({len(bad)} such utterances); predict again (stage 3)"
            )
        return cls(utterances, classes, matrix, str(folder))

    def write(self, folder: str | Path) -> None:
        """Writes ``folder``; the scp comes last."""
        folder = Path(folder)
        write_classes(folder / "classes", self.classes)
        with ArkWriter(folder / "posteriors.ark", folder / "posteriors.scp") as writer:
            for utterance, row in zip(self.utterances, self.matrix, strict=True):
                writer.write(utterance, row)

    def best(self) -> list[str]:
        """The most probable class of each utterance."""
        return [self.classes[column] for column in self.matrix.argmax(axis=1).tolist()]


def restricted(whole: Posteriors, utterances: Sequence[str], classes: Collection[str]) -> Posteriors:
    """The posteriors of some utterances over some classes, divided by their sum p(c) / Σ_(c' of them) p(c').

    It is what is believed of the classes by who knows that it is one of them. Classes that ``whole`` does not know
    have no column.

    Raises:
        TimbreError: for utterances that there are none of, and where none of the classes has any probability.
    """
    row = {name: number for number, name in enumerate(whole.utterances)}
    if missing := [name for name in utterances if name not in row]:
        raise TimbreError(
            f"{whole.path}: lacks {len(missing)} utterances ({some(missing, 3)}); predict again (stage 3)"
        )
    columns = [column for column, name in enumerate(whole.classes) if name in classes]
    matrix = whole.matrix[np.ix_([row[name] for name in utterances], columns)]
    total = matrix.sum(axis=1, keepdims=True)
    if len(none := np.flatnonzero(total[:, 0] <= 0)):
        raise TimbreError(
            f"{whole.path}: '{utterances[none[0]]}' is certainly none of {some(classes)} ({len(none)} such "
            "utterances); are they of another language?"
        )
    return replace(
        whole, utterances=list(utterances), classes=[whole.classes[i] for i in columns], matrix=matrix / total
    )


def classes_in_use(whole: Posteriors, utterances: Collection[str]) -> set[str]:
    """The classes that have any probability for any of these utterances; those of another language have none."""
    chosen = np.isin(whole.utterances, list(utterances))
    return {name for name, used in zip(whole.classes, (whole.matrix[chosen] > 0).any(axis=0), strict=True) if used}


def collect_posteriors(data: DataDir, parts: Path, out: Path, jobs: int, max_skipped: float) -> str:
    """Merges what jobs have predicted into ``out``, in this module's form; of a fusion its streams' weights too."""
    classes = read_classes(parts / "classes")
    write_classes(out / "classes", classes)
    found = collect_vectors(data, parts, out, "posteriors", jobs, max_skipped)
    if (parts / "streams").exists():
        copy_file(parts / "streams", out / "streams")
        collect_vectors(data, parts, out, "gates", jobs, max_skipped)
    return f"{out}/posteriors.scp: {len(found)} utterances, {len(classes)} classes"


def select_posteriors(folder: str | Path, data: DataDir, out: str | Path, labels: str = "utt2emotion") -> str:
    """Writes those of the utterances of ``data`` over the classes they may have; returns a line about them.

    These are the classes in use there, and those of ``labels``: of a model of several languages those of the one.

    Raises:
        TimbreError: as :func:`restricted`.
    """
    whole, table = Posteriors.read(folder), read_labels(data, labels)
    found = restricted(whole, sorted(table, key=str.encode), classes_in_use(whole, table) | set(table.values()))
    found.write(out)
    return f"{out}: {len(found.utterances)} utterances, {len(found.classes)} classes of {len(whole.classes)}"


def joined(parts: Sequence[Posteriors]) -> Posteriors:
    """The posteriors of all parts, as those of a cross-validation's folds, utterances and classes in byte order.

    Classes are those of any part; one that a part does not know has probability 0 there.

    Raises:
        TimbreError: for an utterance in two parts.
    """
    where: dict[str, str] = {}
    for part in parts:
        if twice := [utterance for utterance in part.utterances if utterance in where]:
            raise TimbreError(
                f"{part.path}: '{twice[0]}' stands in {where[twice[0]]} too ({len(twice)} such utterances); an "
                "utterance is tested once"
            )
        where |= dict.fromkeys(part.utterances, part.path)
    utterances, classes = (
        sorted(names, key=str.encode) for names in (where, {c for p in parts for c in p.classes})
    )
    row, column = ({name: number for number, name in enumerate(names)} for names in (utterances, classes))
    matrix = np.zeros((len(utterances), len(classes)), dtype=np.float32)
    for part in parts:
        rows, columns = [row[name] for name in part.utterances], [column[name] for name in part.classes]
        matrix[np.ix_(rows, columns)] = part.matrix
    return Posteriors(utterances, classes, matrix)


def join_posteriors(folders: Sequence[str | Path], out: str | Path) -> str:
    """Writes the posteriors of all folders to ``out``, and what was skipped in them; returns a line about them."""
    whole = joined([Posteriors.read(folder) for folder in folders])
    skipped = [read_optional(Path(folder) / "posteriors.skipped") for folder in folders]
    if any(table is not None for table in skipped):
        write_table(Path(out) / "posteriors.skipped", [row for table in skipped for row in (table or {}).items()])
    whole.write(out)
    if all((Path(folder) / "streams").exists() for folder in folders):
        _join_gates([Path(folder) for folder in folders], Path(out))
    return f"{out}: {len(whole.utterances)} utterances, {len(whole.classes)} classes, of {len(folders)} folders"


def _join_gates(folders: Sequence[Path], out: Path) -> None:
    """The weights of a fusion's streams, ``gates.{ark,scp}``, columns as in ``streams``; alike in all folders."""
    streams = [read_classes(folder / "streams") for folder in folders]
    if other := next((folder for folder, names in zip(folders, streams, strict=True) if names != streams[0]), None):
        raise TimbreError(f"{other}/streams: other streams than in {folders[0]}; train all folds with one conf")
    rows = [zip(*read_vectors(folder / "gates.scp"), strict=True) for folder in folders]
    with ArkWriter(out / "gates.ark", out / "gates.scp") as writer:
        for utterance, weights in sorted((row for part in rows for row in part), key=lambda row: row[0].encode()):
            writer.write(utterance, weights)
    write_classes(out / "streams", streams[0])


def read_classes(path: Path) -> list[str]:
    """The classes of a file ``<class> <column>``, by column."""
    table = read_table(path, fields=2)
    if sorted(table.values()) != sorted(map(str, range(len(table)))):
        raise TimbreError(
            f"{path}: the second fields must be the columns 0 to {len(table) - 1}, each once; "
            f"found {some(table.values())}"
        )
    return sorted(table, key=lambda name: int(table[name]))


def write_classes(path: Path, classes: list[str]) -> None:
    """Writes a file for :func:`read_classes`."""
    write_table(path, {name: str(column) for column, name in enumerate(classes)})
