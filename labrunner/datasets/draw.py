"""Chance that is the same everywhere, and exact counts dealt out in pieces of bounded size."""

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

Draw = Callable[[], float]
_T = TypeVar("_T")

# A prime: multiples of it leave every remainder.
_STRIDE = 618_041


def seeded(seed: int, piece: int) -> Draw:
    """Return a source of numbers in [0, 1) that depends on the two numbers alone.

    Of the random module, only random() after a seed is promised to be the same in every Python
    (docs.python.org/3/library/random.html, "Notes on Reproducibility"): nothing else is used.
    """
    source = random.Random()  # noqa: S311 - data for exercises, no secrets
    source.seed((seed << 32) + piece, version=2)
    return source.random


def shuffle(items: list[_T], draw: Draw) -> None:
    """Put the items into a random order, in place."""
    for last in range(len(items) - 1, 0, -1):
        other = int(draw() * (last + 1))
        items[last], items[other] = items[other], items[last]


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Split a whole number by weights with whole parts (largest remainders, earlier ones first)."""
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: -(total * weights[index] % whole))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def dealt(counts: Sequence[int], pieces: int, first: int) -> list[int]:
    """Return how many of each count have been dealt before piece `first` of `pieces`.

    Every count is spread evenly over the pieces and fully dealt after the last one. The counts
    start at different places, so that rare things are not all in the last piece.
    """
    return [
        (count * first + index * _STRIDE % pieces) // pieces for index, count in enumerate(counts)
    ]
