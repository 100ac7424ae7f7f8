"""Linear discriminant analysis, as Kaldi's ``ivector-compute-lda``, and the statistics it shares with PLDA.

With N vectors x of K speakers, n_k of speaker k with the mean m_k, and m the mean of all,

    S_w = 1/N Σ (x − m_k)(x − m_k)ᵀ,    S_b = 1/N Σ_k n_k (m_k − m)(m_k − m)ᵀ,

the transform V makes V S_w Vᵀ the unit matrix and V S_b Vᵀ diagonal, falling: its first rows are the directions
in which speakers differ most, measured by how much one speaker varies (``--total-covariance-factor=0.0``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from timbre.errors import TimbreError

MOST_DIMENSIONS = 150
_FLOOR = 1e-6  # of the eigenvalues of S_w, as a share of the largest: Kaldi's --covariance-floor
_BLOCK = 1 << 16


@dataclass(frozen=True)
class ClassStatistics:
    """Of vectors by class: ``means`` (K, D), ``counts`` (K,), ``scatter`` (D, D) about the classes' means."""

    means: np.ndarray
    counts: np.ndarray
    scatter: np.ndarray


def class_means(vectors: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means (K, D) float64 and counts (K,) of vectors (N, D) by ``labels`` (N,), 0 to K − 1, none of them empty."""
    counts = np.bincount(labels)
    starts = np.cumsum(counts) - counts
    ordered = vectors[np.argsort(labels, kind="stable")]
    return np.add.reduceat(ordered, starts, axis=0, dtype=np.float64) / counts[:, None], counts


def refuse_too_few(utterances: int, speakers: int, dimensions: int) -> None:
    """Refuses fewer training utterances than :func:`class_statistics` needs."""
    if speakers < 2 or utterances - speakers < dimensions:
        raise TimbreError(
            f"{utterances} training utterances of {speakers} speakers are too few for LDA or PLDA in "
            f"{dimensions} dimensions (utterances − speakers must reach them, of two speakers at least); take "
            "--backend cosine, more training utterances, or an encoder with a smaller embedding"
        )


def class_statistics(vectors: np.ndarray, labels: np.ndarray) -> ClassStatistics:
    """The statistics of vectors (N, D) by ``labels`` (N,), in float64.

    Raises:
        TimbreError: for fewer than two classes, and for fewer degrees of freedom (N − K) than dimensions: the
            within-class covariance is then singular, and what it is inverted to is noise.
    """
    means, counts = class_means(vectors, labels)
    dimensions = vectors.shape[1]
    refuse_too_few(len(vectors), len(counts), dimensions)
    scatter = np.zeros((dimensions, dimensions))
    for start in range(0, len(vectors), _BLOCK):
        block = slice(start, start + _BLOCK)
        offsets = vectors[block] - means[labels[block]]
        scatter += offsets.T @ offsets
    return ClassStatistics(means, counts, scatter)


def diagonalised(within: np.ndarray, between: np.ndarray, floor: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """V (D, D) and ψ (D,) ≥ 0, falling, with V ``within`` Vᵀ = I and V ``between`` Vᵀ = diag(ψ).

    Args:
        floor: of the eigenvalues of ``within``, as a share of the largest.
    """
    values, vectors = np.linalg.eigh(within)
    if not values[-1] > 0:
        raise TimbreError(
            f"the training embeddings of a speaker are the same in all {len(values)} dimensions: no LDA or PLDA of "
            "them; look at the embeddings"
        )
    whitening = (vectors / np.sqrt(np.maximum(values, floor * values[-1]))).T
    psi, rotation = np.linalg.eigh(whitening @ between @ whitening.T)
    return rotation.T[::-1] @ whitening, np.maximum(psi[::-1], 0.0)


def fit_lda(vectors: np.ndarray, labels: np.ndarray, dim: int | None = None) -> np.ndarray:
    """The LDA matrix (``dim``, D) of vectors (N, D) by speakers ``labels`` (N,), 0 to K − 1.

    Args:
        dim: ``None`` for the smallest of 150, K − 1 and D.
    Raises:
        TimbreError: for a ``dim`` larger than the data can fill, and as :func:`class_statistics`.
    """
    statistics = class_statistics(vectors, labels)
    most = min(len(statistics.counts) - 1, vectors.shape[1])
    if dim is not None and not 1 <= dim <= most:
        raise TimbreError(
            f"--lda-dim {dim}: {len(statistics.counts)} speakers in {vectors.shape[1]} dimensions allow 1 to {most}"
        )
    offsets = statistics.means - statistics.counts @ statistics.means / len(vectors)
    between = (offsets * statistics.counts[:, None]).T @ offsets / len(vectors)
    return diagonalised(statistics.scatter / len(vectors), between, _FLOOR)[0][: dim or min(most, MOST_DIMENSIONS)]
