"""A baseline without training: the mean and standard deviation of an utterance's frames.

    x = [mean over frames; standard deviation over frames] ∈ R^(2F),    z = (x − μ) / σ

with μ and σ per dimension over the utterances of the training part. What a trained encoder cannot beat is
no encoder.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError, some
from timbre.features.cmvn import mean_and_deviation
from timbre.kaldi.ark_entry import ArkEntry
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.enrolment import write_models
from timbre.kaldi.tables import ArkWriter, read_matrix, read_vector


def read_statistics(data: str | Path, known: dict[str, np.ndarray] | None = None) -> tuple[list[str], np.ndarray]:
    """The utterances of a data directory and their vectors (N, 2F), as :func:`read_pooled`."""
    utterances = list(DataDir(data).table("feats.scp"))
    return utterances, read_pooled(data, utterances, known)


def read_pooled(
    data: str | Path,
    utterances: Iterable[str],
    known: dict[str, np.ndarray] | None = None,
    name: str = "feats.scp",
) -> np.ndarray:
    """The vectors of utterances: their frames' means and deviations (N, 2F), or what is a vector already (N, D).

    Args:
        known: vectors by the place of what they are read from (``<ark>:<offset>``), which are not computed again;
            new ones are added. The folds of a cross-validation share one.
        name: the table: of frames, or ``vectors_<stream>.scp``.
    Raises:
        TimbreError: naming the utterance, for one that is not in the table, has no frames, or another number of
            features.
    """
    directory = DataDir(data)
    table, scp = directory.table(name), directory.path / name
    if not table:
        raise TimbreError(f"{scp}: empty; run steps/make_feats.sh (stage 1)")
    if missing := [utterance for utterance in utterances if utterance not in table]:
        raise TimbreError(
            f"{scp}: lacks {len(missing)} utterances ({some(missing, 3)}); run steps/make_feats.sh (stage 1)"
        )
    vectors: list[np.ndarray] = []
    known = {} if known is None else known
    originals = directory.originals
    for utterance in utterances:
        if (rxfile := table[utterance]) not in known:
            entry = ArkEntry(utterance, originals.get(utterance, utterance))
            if name.startswith("vectors_"):
                known[rxfile] = read_vector(rxfile, scp, entry)
            else:
                frames = read_matrix(rxfile, scp=scp, entry=entry)
                if not len(frames):
                    raise TimbreError(f"{scp}: '{utterance}' has no frames; look at its audio")
                known[rxfile] = mean_and_deviation(frames)
        vectors.append(known[rxfile])
        if len(vectors[-1]) != len(vectors[0]):
            raise TimbreError(
                f"{scp}: '{utterance}' has {len(vectors[-1]) // 2} features a frame, the first "
                f"{len(vectors[0]) // 2}; make the features of all utterances with one conf"
            )
    return np.stack(vectors)


def read_standardised(
    train: str | Path, data: str | Path, known: dict[str, np.ndarray] | None = None
) -> tuple[tuple[list[str], np.ndarray], ...]:
    """Utterances and vectors of both data directories, each dimension by its mean and deviation over ``train``.

    A dimension that does not vary over the training part (a padded feature) becomes 0.

    Args:
        known: as of :func:`read_pooled`.
    Raises:
        TimbreError: as :func:`read_pooled`, and where the two have other numbers of features.
    """
    (keys, vectors), (reference_keys, reference) = (read_statistics(part, known) for part in (data, train))
    if reference.shape[1] != vectors.shape[1]:
        raise TimbreError(
            f"{data}: {vectors.shape[1] // 2} features a frame, {train}: {reference.shape[1] // 2}; "
            "make both with one conf (steps/make_feats.sh)"
        )
    reference, vectors = standardised(reference, vectors)
    return (reference_keys, reference), (keys, vectors)


def standardised(reference: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both (M, D) and (N, D) by mean and deviation of ``reference``; 0 where that does not vary."""
    deviation = reference.std(axis=0)
    weight = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 1e-6)
    mean = reference.mean(axis=0)
    return (reference - mean) * weight, (vectors - mean) * weight


def extract_statistics(train: str | Path, data: str | Path, out: str | Path) -> int:
    """Writes ``xvector.{ark,scp}`` for ``data`` to ``out``, normalised by ``train``; returns how many vectors.

    Beside them ``spk_xvector.{ark,scp}``, means for trials that enrol models or speakers
    (:func:`timbre.kaldi.enrolment.write_models`).
    """
    _, (keys, vectors) = read_standardised(train, data)
    out = Path(out)
    row = dict(zip(keys, vectors, strict=True))
    write_models(DataDir(data), row, out)
    with ArkWriter(out / "xvector.ark", out / "xvector.scp") as writer:
        for key, vector in row.items():
            writer.write(key, vector)
    return len(keys)
