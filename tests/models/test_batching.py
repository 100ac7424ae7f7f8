"""Batches by length: everything once, within the limits."""

from __future__ import annotations

import numpy as np
import pytest

from timbre.models.batching import CPU, GPU, length_batches


@pytest.mark.parametrize(("device", "limits"), [("cpu", CPU), ("cuda", GPU)])
@pytest.mark.parametrize("longest", [150, 1200, 100_000])
def test_every_utterance_once_and_every_batch_within_limits(device: str, limits: object, longest: int) -> None:
    lengths = np.random.default_rng(0).integers(15, longest, size=700)
    batches = length_batches(lengths, device)
    assert sorted(np.concatenate(batches).tolist()) == list(range(700))
    for batch in batches:
        inside = lengths[batch]
        assert len(batch) == 1 or len(batch) * inside.max() <= limits.frames
        assert inside.max() <= inside.min() * (1 + limits.excess)


def test_batches_are_full() -> None:
    lengths = np.full(100, 150)
    assert [len(batch) for batch in length_batches(lengths)] == [CPU.frames // 150] * 7 + [9]
    assert length_batches(np.array([], dtype=int)) == []
