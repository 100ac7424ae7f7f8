"""Draws of different purpose start from different states, and the same ones from the same."""

from __future__ import annotations

import itertools

from timbre.randomness import generator, seed_of


def test_no_two_purposes_or_places_share_a_state():
    """Nor does a zero more, or where one number ends and the next begins."""
    words, numbers = ("order", "crop", "masks"), (0, 1, 11, 111)
    asked = [
        (seed, word, *which)
        for seed, word in itertools.product(numbers, words)
        for size in range(4)
        for which in itertools.product(numbers, repeat=size)
    ]
    assert len({seed_of(*one) for one in asked}) == len(asked)
    assert len({generator(*one).bit_generator.random_raw() for one in asked}) == len(asked)


def test_a_seed_is_the_same_everywhere():
    assert seed_of(1, "crop", 2, 3) == seed_of(1, "crop", 2, 3) == 1642561605517973218
    assert generator(1, "crop", "s1-1").integers(1 << 30) == 792774759
