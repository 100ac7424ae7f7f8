"""Cosine scores of trials from two tables of embeddings.

    score(e, t) = <e − m, t − m> / (|e − m| |t − m|)

with m the mean of the training embeddings, or nothing. A list of trials is sparse among all pairs (one in
a thousand in VoxCeleb1-O), so the rows of the trials are gathered in blocks that stay in the cache; the
time goes with the number of trials, not with the product of the numbers of utterances.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.tables import read_vector, read_vectors
from timbre.kaldi.trials import Trials, read_trials, write_scores

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
            raise TimbreError(
                f"{trials_path}:{missing[0] + 1}: '{ids[missing[0]]}' has no embedding in {self.path}{more}; "
                "extract the embeddings of these utterances, or take the trials out of the list"
            )
        return rows

    def normalised(self, mean: np.ndarray | None = None) -> np.ndarray:
        """The matrix (N, D) less ``mean`` (D,), every row of length one; a row of length zero is refused."""
        if mean is not None and mean.shape != self.matrix.shape[1:]:
            raise TimbreError(
                f"{self.path}: embeddings of {self.matrix.shape[1]} dimensions and a mean of {mean.size}; "
                "is the mean from the same model?"
            )
        matrix = self.matrix - mean if mean is not None else self.matrix
        length = np.linalg.norm(matrix, axis=1, keepdims=True)
        bad = np.flatnonzero(~(length[:, 0] > 0))
        if len(bad):
            raise TimbreError(
                f"{self.path}: the embedding of '{self.keys[bad[0]]}' has length {length[bad[0], 0]:g} and no "
                "cosine; look at its features and extract it again"
            )
        return matrix / length


def cosine_scores(
    trials: Trials,
    enrol: Embeddings,
    test: Embeddings,
    mean: np.ndarray | None = None,
    trials_path: str | Path = "trials",
) -> np.ndarray:
    """Scores (N,) float32 of ``trials``, one for each, in their order.

    Raises:
        TimbreError: for an id without embedding (:meth:`Embeddings.rows`), for tables or a mean of different
            dimensions, for an embedding of length zero.
    """
    if enrol.matrix.shape[1] != test.matrix.shape[1]:
        raise TimbreError(
            f"{enrol.path}: embeddings of {enrol.matrix.shape[1]} dimensions, {test.path}: of "
            f"{test.matrix.shape[1]}; are both from the same model?"
        )
    enrol_rows, test_rows = enrol.rows(trials.enrol, trials_path), test.rows(trials.test, trials_path)
    enrol_matrix = enrol.normalised(mean)
    test_matrix = enrol_matrix if test is enrol else test.normalised(mean)
    scores = np.empty(len(trials), dtype=np.float32)
    for start in range(0, len(trials), _BLOCK):
        block = slice(start, start + _BLOCK)
        scores[block] = np.einsum("nd,nd->n", enrol_matrix[enrol_rows[block]], test_matrix[test_rows[block]])
    return scores


def score_trials(
    trials_path: str | Path,
    enrol_scp: str | Path,
    test_scp: str | Path,
    scores_path: str | Path,
    mean_path: str | Path | None = None,
) -> int:
    """Reads trials and embeddings, writes cosine scores; returns how many trials were scored."""
    trials = read_trials(trials_path)
    enrol = Embeddings.read(enrol_scp)
    test = enrol if Path(enrol_scp) == Path(test_scp) else Embeddings.read(test_scp)
    mean = read_mean(mean_path) if mean_path else None
    write_scores(scores_path, trials.enrol, trials.test, cosine_scores(trials, enrol, test, mean, trials_path))
    return len(trials)


def read_mean(path: str | Path) -> np.ndarray:
    """The one vector (D,) of a file: ``mean.ark`` with its key, or Kaldi's ``mean.vec`` without."""
    try:
        with open(path, "rb") as file:
            binary = file.read(64).find(b"\0B")
    except OSError as error:
        raise TimbreError(f"{path}: cannot be read: {error.strerror}; training writes it") from None
    return read_vector(f"{path}:{binary}" if binary > 0 else str(path))
