"""The engine against results that were worked out from Hive's documentation."""

from collections.abc import Callable

import pytest

from .reference import EXPRESSIONS, QUERIES

CASES = [
    pytest.param(f"select {left}", right, id=f"{group[:24]}-{left[:60]}")
    for group, pairs in EXPRESSIONS.items()
    for left, right in pairs
]
CASES += [
    pytest.param(left, right, id=f"{group[:24]}-{left[:60]}")
    for group, pairs in QUERIES.items()
    for left, right in pairs
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_result(query: Callable[[str], str], text: str, expected: str) -> None:
    assert query(text) == expected


def test_there_are_enough() -> None:
    assert len(CASES) > 400
