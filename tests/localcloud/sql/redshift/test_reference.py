"""The engine against results that Redshift's documentation publishes."""

from collections.abc import Callable

import pytest

from .conftest import Redshift
from .reference import EXPRESSIONS, QUERIES

WINSALES = """
create table winsales(
  salesid int, dateid date, sellerid int, buyerid char(10), qty int, qty_shipped int);
insert into winsales values
  (30001, '8/2/2003', 3, 'b', 10, 10), (10001, '12/24/2003', 1, 'c', 10, 10),
  (10005, '12/24/2003', 1, 'a', 30, null), (40001, '1/9/2004', 4, 'a', 40, null),
  (10006, '1/18/2004', 1, 'c', 10, null), (20001, '2/12/2004', 2, 'b', 20, 20),
  (40005, '2/12/2004', 4, 'a', 10, 10), (20002, '2/16/2004', 2, 'c', 20, 20),
  (30003, '4/18/2004', 3, 'b', 15, null), (30004, '4/18/2004', 3, 'b', 20, null),
  (30007, '9/7/2004', 3, 'c', 30, null)
"""


def cases(groups: dict[str, list[tuple[str, str]]], head: str = "") -> list[object]:
    return [
        pytest.param(f"{head}{left}", right, id=f"{group[:20]}-{index}-{left[:40]}")
        for group, pairs in groups.items()
        for index, (left, right) in enumerate(pairs)
    ]


@pytest.fixture(scope="module")
def winsales(shared: Redshift) -> None:
    shared.run(WINSALES)


@pytest.mark.parametrize(("text", "expected"), cases(EXPRESSIONS, "select "))
def test_expression(query: Callable[[str], str], text: str, expected: str) -> None:
    assert query(text) == expected


@pytest.mark.parametrize(("text", "expected"), cases(QUERIES))
def test_query(winsales: None, query: Callable[[str], str], text: str, expected: str) -> None:
    assert query(text) == expected


def test_there_are_enough() -> None:
    assert sum(map(len, EXPRESSIONS.values())) + sum(map(len, QUERIES.values())) > 330
