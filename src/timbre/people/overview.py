"""Who is enrolled, and how well apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from timbre.people.store import Enrolled

_BLOCK = 1000


def overview(enrolled: Enrolled) -> Iterator[tuple[str, int, str, str, str, str, str]]:
    """A row for each person, as ``timbre people`` prints it; what does not exist is ``-``."""
    names, counts = list(enrolled.people), enrolled.counts
    if not names:
        return
    unit = enrolled.embeddings / np.maximum(np.linalg.norm(enrolled.embeddings, axis=1, keepdims=True), 1e-12)
    starts = np.cumsum(counts) - counts
    sums = np.add.reduceat(unit, starts, axis=0)
    pairs = counts * (counts - 1)
    own = ((sums**2).sum(axis=1) - counts) / np.maximum(pairs, 1)  # mean of the cosines of all pairs
    means = enrolled.means / np.maximum(np.linalg.norm(enrolled.means, axis=1, keepdims=True), 1e-12)
    for start in range(0, len(names), _BLOCK):
        block = means[start : start + _BLOCK] @ means.T
        block[np.arange(len(block)), start + np.arange(len(block))] = -np.inf
        nearest = block.argmax(axis=1)
        for row, other in enumerate(nearest.tolist()):
            place = start + row
            recordings = enrolled.people[names[place]]
            alone = len(names) == 1
            yield (
                names[place],
                len(recordings),
                f"{sum(recording.seconds for recording in recordings):.1f}",
                f"{sum(recording.speech for recording in recordings):.1f}",
                f"{own[place]:.3f}" if pairs[place] else "-",
                "-" if alone else names[other],
                "-" if alone else f"{block[row, other]:.3f}",
            )
