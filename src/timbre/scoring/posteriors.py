"""What a classifier says of utterances: the probabilities of the classes, and which column is which class.

<folder>/posteriors.{ark,scp}   a vector (C,) for each utterance, its values sum to 1
<folder>/classes                lines '<class> <column>', columns counted from 0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.tables import ArkWriter, read_vectors
from timbre.kaldi.text import read_optional, read_table, write_table


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
    return f"{out}: {len(whole.utterances)} utterances, {len(whole.classes)} classes, of {len(folders)} folders"


def read_classes(path: Path) -> list[str]:
    """The classes of a file ``<class> <column>``, by column."""
    table = read_table(path, fields=2)
    if sorted(table.values()) != sorted(map(str, range(len(table)))):
        raise TimbreError(f"{path}: the second fields must be the columns 0 to {len(table) - 1}, each once")
    return sorted(table, key=lambda name: int(table[name]))


def write_classes(path: Path, classes: list[str]) -> None:
    """Writes a file for :func:`read_classes`."""
    write_table(path, {name: str(column) for column, name in enumerate(classes)})
