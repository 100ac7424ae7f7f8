"""Trials of held-out training speakers, like those that will be scored: what calibrations are fitted on.

Scores of a model of several utterances lie elsewhere than those of one. So held-out models are of as many
utterances as those that are scored.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from timbre.kaldi.text import read_table
from timbre.scoring.backend import Sides
from timbre.scoring.embeddings import Embeddings

MOST_TRIALS = 100_000
"""Trials of each kind."""


def typical_size(enrol: str | Path) -> int:
    """The median number of utterances of the models in a table ``enrol``."""
    return int(np.median([len(utterances.split()) for utterances in read_table(enrol).values()]))


def heldout_trials(
    table: Embeddings,
    speakers: np.ndarray,
    size: int = 1,
    seconds: np.ndarray | None = None,
    most: int = MOST_TRIALS,
    seed: int = 0,
) -> tuple[Sides, np.ndarray]:
    """Trials of utterances of speakers (N,), all or a seeded choice of ``most`` of each kind.

    Of ``size`` 1: all pairs. Else each utterance begins a model: it and those that follow it among its speaker's,
    round to the first, ``size`` of them or all but one. It is tried against the speaker's other utterances and
    everybody else's.

    Args:
        seconds: (N,) durations of the utterances, for the quality measures.
    Returns:
        ``(sides, target (M,) bool)``.
    """
    order = np.argsort(speakers, kind="stable")
    _, starts, labels = np.unique(speakers[order], return_index=True, return_inverse=True)
    start, spoken = starts[labels], np.bincount(labels)[labels]  # of each utterance's speaker, in this order
    place = np.arange(len(order))
    generator = np.random.default_rng(seed)
    if size == 1:
        after = start + spoken  # the first utterance of the next speaker
        first, offset = _choose(after - place - 1, most, generator)
        other, beyond = _choose(len(order) - after, most, generator)
        enrol, tests = table, np.concatenate([first + 1 + offset, after[other] + beyond])
        enrol_rows, counts, durations = order[np.concatenate([first, other])], 1, seconds
    else:
        counts = np.clip(spoken - 1, 1, size)
        first, offset = _choose(spoken - counts, most, generator)
        target = start[first] + (place[first] - start[first] + counts[first] + offset) % spoken[first]
        other, beyond = _choose(len(order) - spoken, most, generator)
        tests = np.concatenate([target, beyond + spoken[other] * (beyond >= start[other])])
        enrol_rows = np.concatenate([first, other])
        step = np.arange(size)
        members = order[start[:, None] + (place[:, None] - start[:, None] + step) % spoken[:, None]]  # (N, size)
        inside = step < counts[:, None]
        matrix = np.einsum("ns,nsd->nd", inside / counts[:, None], table.matrix[members]).astype(np.float32)
        enrol = Embeddings([f"{table.keys[row]}+{count}" for row, count in zip(order, counts, strict=True)], matrix)
        durations = None if seconds is None else (inside * seconds[members]).sum(axis=1)
    sides = Sides(enrol, table, enrol_rows, order[tests], counts, None if seconds is None else (durations, seconds))
    return sides, np.arange(len(tests)) < len(first)


def _choose(counts: np.ndarray, most: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """``(row (M,), offset (M,))`` of all the ``counts`` (N,) of each row, or of ``most`` of them."""
    total = int(counts.sum())
    chosen = np.arange(total) if total <= most else np.sort(generator.choice(total, most, replace=False))
    ends = np.cumsum(counts)
    row = np.searchsorted(ends, chosen, side="right")
    return row, chosen - (ends - counts)[row]
