"""Embeddings under their ids, and the inner products of trials' rows.

Every back-end turns enrolment and test embeddings into rows whose inner product is the score. A list of trials
is sparse among all pairs (one in a thousand in VoxCeleb1-O), so the rows of the trials are gathered in blocks
that stay in the cache; the time goes with the number of trials, not with the product of the numbers of
utterances.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.tables import read_vector, read_vectors
from timbre.kaldi.text import read_optional

_BLOCK = 4096


@dataclass(frozen=True)
class Embeddings:
    """Embeddings under their ids: ``keys`` (N), ``matrix`` (N, D) float32, and the file they came from."""

    keys: list[str]
    matrix: np.ndarray
    path: str = "embeddings"

    @classmethod
    def read(cls, scp: str | Path) -> Embeddings:
        """Reads all vectors of an scp."""
        keys, matrix = read_vectors(scp)
        return cls(keys, matrix, str(scp))

    def take(self, rows: np.ndarray) -> Embeddings:
        """Those of some rows (indices)."""
        return Embeddings([self.keys[row] for row in rows.tolist()], self.matrix[rows], self.path)

    def rows(self, ids: np.ndarray, trials_path: str | Path = "trials") -> np.ndarray:
        """The row (N,) of each id of a column of trials.

        Raises:
            TimbreError: naming the first id without an embedding, its trial's line, and how many there are.
        """
        row = {key: i for i, key in enumerate(self.keys)}
        rows = np.fromiter(map(row.get, ids, repeat(-1)), dtype=np.int64, count=len(ids))
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            more = f" ({len(missing)} trials lack one)" if len(missing) > 1 else ""
            skipped = read_optional(Path(self.path).with_suffix(".skipped")) or {}
            if why := skipped.get(ids[missing[0]]):
                more += f": it was left out by --bad-audio skip ({why})"
            raise TimbreError(
                f"{trials_path}:{missing[0] + 1}: '{ids[missing[0]]}' has no embedding in {self.path}{more}; "
                "extract the embeddings of these utterances, or take the trials out of the list"
            )
        return rows

    def normalised(self, mean: np.ndarray | None = None, transform: np.ndarray | None = None) -> np.ndarray:
        """``transform`` (L, D) · (x − ``mean`` (D,)) of each row x, of length one: (N, L); length 0 is refused."""
        for name, part in (("a mean", mean), ("a transform", transform)):
            if part is not None and part.shape[-1] != self.matrix.shape[1]:
                raise TimbreError(
                    f"{self.path}: embeddings of {self.matrix.shape[1]} dimensions and {name} of "
                    f"{part.shape[-1]}; is it from the same model?"
                )
        matrix = self.matrix - mean if mean is not None else self.matrix
        if transform is not None:
            matrix = matrix @ transform.T
        length = np.linalg.norm(matrix, axis=1, keepdims=True)
        bad = np.flatnonzero(~(length[:, 0] > 0))
        if len(bad):
            raise TimbreError(
                f"{self.path}: the embedding of '{self.keys[bad[0]]}' has length {length[bad[0], 0]:g} and no "
                "cosine; look at its features and extract it again"
            )
        return matrix / length


def check_dimensions(enrol: Embeddings, test: Embeddings) -> None:
    """Refuses two tables of different dimensions."""
    if enrol.matrix.shape[1] != test.matrix.shape[1]:
        raise TimbreError(
            f"{enrol.path}: embeddings of {enrol.matrix.shape[1]} dimensions, {test.path}: of "
            f"{test.matrix.shape[1]}; are both from the same model?"
        )


def products(enrol: np.ndarray, test: np.ndarray, enrol_rows: np.ndarray, test_rows: np.ndarray) -> np.ndarray:
    """The inner product (N,) of row ``enrol_rows`` (N,) of (E, P) and row ``test_rows`` (N,) of (T, P), each."""
    scores = np.empty(len(enrol_rows), dtype=np.result_type(enrol, test))
    for start in range(0, len(scores), _BLOCK):
        block = slice(start, start + _BLOCK)
        scores[block] = np.einsum("nd,nd->n", enrol[enrol_rows[block]], test[test_rows[block]])
    return scores


def read_mean(path: str | Path) -> np.ndarray:
    """The one vector (D,) of a file: ``mean.ark`` with its key, or Kaldi's ``mean.vec`` without."""
    try:
        with open(path, "rb") as file:
            binary = file.read(64).find(b"\0B")
    except OSError as error:
        raise TimbreError(f"{path}: cannot be read: {error.strerror}; training (verification) writes it") from None
    return read_vector(f"{path}:{binary}" if binary > 0 else str(path))
