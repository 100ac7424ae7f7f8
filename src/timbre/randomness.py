"""Random draws: each purpose has generators of its own, which follow from a seed and from what is drawn for.

``numpy.random.default_rng([1, 2, 3])`` has the state of ``default_rng([1, 2, 3, 0])``: a list of numbers does not
say what they are. Here all of them, and a word for the purpose, are hashed together.
"""

from __future__ import annotations

import hashlib

import numpy as np


def seed_of(seed: int, purpose: str, *which: int | str) -> int:
    """A seed from 0 to 2^63 - 1, for ``torch.manual_seed`` and the like.

    Args:
        seed: of the experiment.
        purpose: a word of the code that draws ("order", "crop", "mask"), the same nowhere else.
        which: what is drawn for: epoch, batch, row, utterance …
    """
    text = "\0".join(map(str, (purpose, seed, *which)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def generator(seed: int, purpose: str, *which: int | str) -> np.random.Generator:
    """A generator that starts from :func:`seed_of`."""
    return np.random.default_rng(seed_of(seed, purpose, *which))
