"""What a classifier says of utterances: the probabilities of the classes, and which column is which class.

<folder>/posteriors.{ark,scp}   a vector (C,) for each utterance, its values sum to 1
<folder>/classes                lines '<class> <column>', columns counted from 0
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.tables import ArkWriter, read_vectors
from timbre.kaldi.text import read_table, write_table


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


def read_classes(path: Path) -> list[str]:
    """The classes of a file ``<class> <column>``, by column."""
    table = read_table(path, fields=2)
    if sorted(table.values()) != sorted(map(str, range(len(table)))):
        raise TimbreError(f"{path}: the second fields must be the columns 0 to {len(table) - 1}, each once")
    return sorted(table, key=lambda name: int(table[name]))


def write_classes(path: Path, classes: list[str]) -> None:
    """Writes a file for :func:`read_classes`."""
    write_table(path, {name: str(column) for column, name in enumerate(classes)})
