"""Where a training run is, and which of its epochs are the best so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

SELECTING = ("heldout_eer", "heldout_error")
"""The held-out rates that epochs are chosen by: verification's and classification's."""


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

    def _rates(self) -> list[float]:
        """The rate of each epoch that is to be low; none where nothing is held out."""
        return [row[name] for row in self.history for name in SELECTING if name in row]

    def best_epochs(self, count: int) -> list[int]:
        """The ``count`` consecutive epochs with the lowest mean held-out rate; the last where nothing is held out.

        Neighbours lie in one valley and can be averaged, and their mean is less noisy than one epoch's rate.
        """
        rates = np.array(self._rates() or [0.0] * len(self.history))
        count = min(count, len(rates))
        means = np.convolve(rates, np.full(count, 1 / count), mode="valid")
        last = len(rates) - int(np.argmin(np.round(means[::-1], 6)))  # of equal ones the latest
        return list(range(last - count + 1, last + 1))

    def without_progress(self) -> int:
        """Epochs since the one with the lowest held-out rate."""
        rates = self._rates()
        return len(rates) - 1 - int(np.argmin(rates)) if rates else 0
