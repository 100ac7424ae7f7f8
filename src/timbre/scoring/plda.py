"""Two-covariance PLDA (Ioffe 2006) with Kaldi's estimation and scores (ivector/plda.cc).

A vector is x = μ + y + z with the speaker's y ~ N(0, B) and the utterance's z ~ N(0, W). The transform A makes
A W Aᵀ = I and A B Aᵀ = diag(ψ); in u = A (x − μ) all dimensions are independent.

**Estimation** is EM from W = B = I. Given W and B, a speaker's mean m of n vectors (less the mean of all speakers'
means, all weighing the same) splits into the posterior of y, with mean w and covariance C, and the rest:

    C = (B⁻¹ + n W⁻¹)⁻¹,   w = n C W⁻¹ m,   B ← 1/K Σ (C + w wᵀ),   W ← 1/N (S + Σ n (C + (m − w)(m − w)ᵀ))

with S the scatter about the speakers' means. Kaldi inverts matrices for each n. Here every iteration moves to the
coordinates in which W = I and B = diag(ψ): there C = diag(ψ / (nψ + 1)), and speakers of any n go in one product.

**Scores.** For an enrolment u from n utterances and a test t,

    llr = log N(t; a u, v) − log N(t; 0, 1 + ψ),    a = nψ / (nψ + 1),   v = 1 + ψ / (nψ + 1)

which is quadratic, thus the inner product of a row that u and n make, [a u / v; ½ (1/(1+ψ) − 1/v); c], with one
that t makes, [t; t²; 1], where c = ½ Σ (log(1 + ψ) − log v − a² u² / v).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.objects import read_plda, write_plda
from timbre.scoring.lda import class_statistics, diagonalised


@dataclass(frozen=True)
class Plda:
    """``mean`` (D,), ``transform`` (D, D) and ``psi`` (D,), as Kaldi keeps them."""

    mean: np.ndarray
    transform: np.ndarray
    psi: np.ndarray

    @classmethod
    def read(cls, path: str | Path) -> Plda:
        """Reads Kaldi's file, binary or text."""
        return cls(*read_plda(path))

    def write(self, path: str | Path, binary: bool = True) -> None:
        """Writes Kaldi's file."""
        write_plda(path, self.mean, self.transform, self.psi, binary)

    def transformed(
        self, vectors: np.ndarray, counts: np.ndarray | int = 1, normalize_length: bool = True
    ) -> np.ndarray:
        """u (N, D) of vectors (N, D), each the mean of ``counts`` (N,) utterances.

        With ``normalize_length`` u is scaled so that uᵀ (ψ + 1/n)⁻¹ u = D, what it is on average.
        """
        if vectors.shape[1] != len(self.mean):
            raise TimbreError(
                f"vectors of {vectors.shape[1]} dimensions and a PLDA model of {len(self.mean)}; "
                "are both from the same model?"
            )
        u = (vectors - self.mean) @ self.transform.T
        if normalize_length:
            energy = (u**2 / (self.psi + 1 / _column(counts))).sum(axis=1, keepdims=True)
            u *= np.sqrt(len(self.mean) / np.where(energy > 0, energy, len(self.mean)))  # u = 0 stays
        return u

    def enrol_rows(self, u: np.ndarray, counts: np.ndarray | int = 1) -> np.ndarray:
        """Rows (N, 2D + 1) of transformed enrolment vectors (N, D) of ``counts`` (N,) utterances."""
        n, psi = _column(counts), self.psi
        share = n * psi / (n * psi + 1)
        variance = 1 + psi / (n * psi + 1)
        constant = (np.log1p(psi) - np.log(variance) - (share * u) ** 2 / variance).sum(axis=1, keepdims=True) / 2
        square = np.broadcast_to((1 / (1 + psi) - 1 / variance) / 2, u.shape)
        return np.hstack([share * u / variance, square, constant])

    def test_rows(self, u: np.ndarray) -> np.ndarray:
        """Rows (N, 2D + 1) of transformed test vectors (N, D); <enrol row, test row> is the llr in nats."""
        return np.hstack([u, u**2, np.ones((len(u), 1))])


def fit_plda(vectors: np.ndarray, labels: np.ndarray, iterations: int = 10) -> Plda:
    """PLDA of vectors (N, D) by speakers ``labels`` (N,), 0 to K − 1.

    Raises:
        TimbreError: for too little data (:func:`timbre.scoring.lda.class_statistics`).
    """
    statistics = class_statistics(vectors, labels)
    n, total = statistics.counts[:, None].astype(np.float64), len(vectors)
    mean = statistics.means.mean(axis=0)
    means, scatter = statistics.means - mean, statistics.scatter
    transform, psi = np.eye(len(mean)), np.ones(len(mean))
    for _ in range(iterations):
        posterior = means * (n * psi / (n * psi + 1))
        covariance = psi / (n * psi + 1)
        rest = means - posterior
        between = np.diag(covariance.sum(axis=0)) + posterior.T @ posterior
        within = scatter + np.diag((n * covariance).sum(axis=0)) + (n * rest).T @ rest
        step, psi = diagonalised(within / total, between / len(n))
        transform, means, scatter = step @ transform, means @ step.T, step @ scatter @ step.T
    return Plda(mean, transform, psi)


def _column(counts: np.ndarray | int) -> np.ndarray:
    """Numbers of utterances as (N, 1), or (1, 1) for one number."""
    return np.asarray(counts, dtype=np.float64).reshape(-1, 1)
