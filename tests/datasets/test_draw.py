"""Exact shares, dealt out in pieces."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from labrunner.datasets.draw import apportion, dealt, seeded, shuffle

COUNTS = st.lists(st.integers(0, 5_000), min_size=1, max_size=20)


@given(st.integers(0, 10_000), st.lists(st.integers(1, 1_000), min_size=1, max_size=20))
def test_shares_are_whole_and_add_up(total: int, weights: list[int]) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * weight / sum(weights)) < 1


def test_the_largest_remainders_get_what_is_left() -> None:
    assert apportion(10, [1, 1, 1]) == [4, 3, 3]
    assert apportion(7, [10, 20, 5]) == [2, 4, 1]
    assert apportion(1, [3, 7]) == [0, 1]


@given(COUNTS, st.integers(1, 40))
def test_pieces_deal_everything_evenly(counts: list[int], pieces: int) -> None:
    steps = [dealt(counts, pieces, piece) for piece in range(pieces + 1)]
    assert steps[0] == [0] * len(counts)
    assert steps[-1] == counts
    for before, after in pairwise(steps):
        for count, done, due in zip(counts, before, after, strict=True):
            assert count // pieces <= due - done <= -(-count // pieces)


@given(st.lists(st.integers(), max_size=50), st.integers(0, 100))
def test_a_shuffle_loses_nothing(items: list[int], piece: int) -> None:
    shuffled = list(items)
    shuffle(shuffled, seeded(1, piece))
    assert sorted(shuffled) == sorted(items)


def test_chance_depends_on_both_numbers() -> None:
    draws = [seeded(seed, piece)() for seed in (1, 2) for piece in (0, 1)]
    assert len(set(draws)) == 4
    assert seeded(2, 1)() == draws[-1]
