"""Whether networks of a conf's sizes can be held in a memory, before they are made."""

from __future__ import annotations

import torch
from torch import nn

from timbre.conf import Section
from timbre.conf_files import flat
from timbre.errors import TimbreError
from timbre.models import build_encoder

PLAIN = 2e10
"""What comes to less (:func:`bound`) needs no count: the device ``meta`` takes torch half a second to load."""


def integers(*sections: Section) -> list[int]:
    """All integers of sections, sorted."""
    numbers = (value for section in sections for value in flat(section.model_dump()).values())
    every = [one for value in numbers for one in (value if isinstance(value, tuple) else (value,))]
    return sorted(int(one) for one in every if isinstance(one, int))


def bound(*sections: Section) -> int:
    """What their sizes come to, or more: the largest integer squared, times the second."""
    *_, second, largest = [1, 1, *integers(*sections)]
    return largest**2 * second


def count(part: nn.Module) -> int:
    """Values of a network's weights and buffers."""
    return sum(value.numel() for value in (*part.parameters(), *part.buffers()))


def require_stored(conf: Section, dim: int, weights: dict[str, torch.Tensor]) -> None:
    """Refuses to make an encoder that is much larger than the ``weights`` that a file has for it.

    Raises:
        TimbreError: naming both sizes.
    """
    if bound(conf) < PLAIN:
        return
    with torch.device("meta"):
        wanted = count(build_encoder(conf, dim))
    there = sum(value.numel() for value in weights.values())
    if wanted > 2 * there + 1_000_000:
        raise TimbreError(f"encoder: weights of {there:,} values, and the conf's network has {wanted:,}")
