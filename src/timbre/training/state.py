"""Where a training run is, and which of its epochs are the best so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class State:
    """Where a run is: ``epoch`` and ``batch`` are the next to be done.

    Of the epoch so far there are its ``seconds``, those of them spent ``waiting`` for batches, and ``sums`` of what
    the steps gave.
    """

    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    waiting: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)

    def best_epochs(self, count: int) -> list[int]:
        """The ``count`` consecutive epochs with the lowest mean held-out EER; the last where nobody is held out.

        Neighbours lie in one valley and can be averaged, and their mean is less noisy than one epoch's EER.
        """
        rates = np.array([row.get("heldout_eer", 0.0) for row in self.history])
        count = min(count, len(rates))
        means = np.convolve(rates, np.full(count, 1 / count), mode="valid")
        last = len(rates) - int(np.argmin(np.round(means[::-1], 6)))  # of equal ones the latest
        return list(range(last - count + 1, last + 1))

    def without_progress(self) -> int:
        """Epochs since the one with the lowest held-out EER."""
        rates = [row["heldout_eer"] for row in self.history if "heldout_eer" in row]
        return len(rates) - 1 - int(np.argmin(rates)) if rates else 0
