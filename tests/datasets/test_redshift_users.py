"""Users: the published queries, asked of a SQL database that has loaded the file."""

import re
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from labrunner import datasets
from labrunner.datasets.redshift_published import LOWEST_STATES

LIKES = [
    *("likesports", "liketheatre", "likeconcerts", "likejazz", "likeclassical", "likeopera"),
    *("likerock", "likevegas", "likebroadway", "likemusicals"),
]
COLUMNS = ["userid", "username", "firstname", "lastname", "city", "state", "email", "phone", *LIKES]
BOOLEANS = {"TRUE": 1, "FALSE": 0, "": None}
FACTS = datasets.facts("redshift-users")


def lines_of(rows: int = 49_990) -> list[str]:
    (file,) = datasets.make("redshift-users", {"rows": rows})
    assert file.name == "allusers_pipe.txt"
    return b"".join(file.chunks()).decode("ascii").splitlines()


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return lines_of()


@pytest.fixture(scope="module")
def database(lines: list[str]) -> Iterator[sqlite3.Connection]:
    rows = (line.split("|") for line in lines)
    connection = sqlite3.connect(":memory:")
    connection.execute(f"create table users ({', '.join(COLUMNS)})")
    connection.executemany(
        f"insert into users values ({', '.join('?' * len(COLUMNS))})",
        ([int(row[0]), *row[1:8], *(BOOLEANS[flag] for flag in row[8:])] for row in rows),
    )
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("fact", "sql"),
    [
        ("rows", "select count(*) from users"),
        ("in_florida", "select count(*) from users where state = 'FL'"),
        ("vegas_and_sports", "select count(*) from users where likevegas and likesports"),
        ("vegas_or_sports", "select count(*) from users where likevegas or likesports"),
        ("longest_email", "select max(length(email)) from users"),
        (
            "ohio_sports_not_opera",
            "select count(*) from users where likesports and not likeopera and state = 'OH'",
        ),
    ],
)
def test_a_published_number(database: sqlite3.Connection, fact: str, sql: str) -> None:
    assert database.execute(sql).fetchone()[0] == FACTS[fact].value


@pytest.mark.parametrize(
    ("fact", "sql"),
    [
        (
            "first_vegas_and_sports",
            "select userid from users where likevegas and likesports order by userid limit 13",
        ),
        (
            "first_vegas_or_sports",
            "select userid from users where likevegas or likesports order by userid limit 13",
        ),
        ("first_rock", "select userid from users where likerock order by 1 limit 5"),
        (
            "first_rock_unknown",
            (
                "select firstname || ' ' || lastname from users where likerock is null "
                "order by userid limit 10"
            ),
        ),
        (
            "first_sports_not_theatre",
            (
                "select firstname || ' ' || lastname from users "
                "where likesports is true and liketheatre is false order by userid limit 10"
            ),
        ),
        (
            "first_names",
            "select firstname || ' ' || lastname from users order by userid limit 10",
        ),
        ("same_names", "select userid from users where firstname = lastname order by userid"),
        (
            "cities_with_ea",
            "select distinct city from users where city like '__EA%' order by city",
        ),
        ("lowest_states", "select distinct state from users order by state limit 5"),
        (
            "smiths",
            (
                "select firstname from users where lastname = 'Smith' and liketheatre "
                "and likeclassical order by userid"
            ),
        ),
    ],
)
def test_a_published_column(database: sqlite3.Connection, fact: str, sql: str) -> None:
    assert [row[0] for row in database.execute(sql)] == FACTS[fact].value


def test_the_published_figures_are_those_of_the_guide() -> None:
    expected: dict[str, Any] = {
        "rows": 49_990,
        "in_florida": 510,
        "vegas_and_sports": 2_128,
        "vegas_or_sports": 18_968,
        "longest_email": 62,
        "first_vegas_and_sports": [1, 67, 87, 92, 109, 120, 123, 130, 133, 144, 165, 169, 184],
        "first_vegas_or_sports": [1, 2, 3, 5, 6, 9, 10, 13, 15, 16, 22, 27, 29],
        "first_rock": [3, 5, 6, 13, 16],
        "same_names": [62, 4008, 12516, 13570, 16712, 18359, 27530, 31204],
        "lowest_states": ["AB", "AK", "AL", "AZ", "BC"],
    }
    assert {name: FACTS[name].value for name in expected} == expected
    for name, fact in FACTS.items():
        counted_here = name in ("ohio_sports_not_opera", "jazz_cities", "smiths")
        assert bool(fact.source) != counted_here


def test_the_first_user(database: sqlite3.Connection) -> None:
    row = database.execute(
        "select username, city, state, likesports, liketheatre from users where userid = 1"
    ).fetchone()
    assert list(row) == list(FACTS["first_user"].value.values())
    assert list(row) == ["JSG99FHE", "Kent", "WA", 1, 1]


def test_in_the_lowest_states_somebody_likes_sports_and_somebody_does_not(
    database: sqlite3.Connection,
) -> None:
    # bool_and is min over 0 and 1, bool_or is max; both leave out what is unknown.
    rows = database.execute(
        "select state, min(likesports), max(likesports) from users group by state order by state"
    ).fetchmany(5)
    assert rows == [(state, 0, 1) for state in LOWEST_STATES]


def test_the_cities_of_jazz_are_in_one_order_only(database: sqlite3.Connection) -> None:
    rows = database.execute(
        "select city, count(*) from users where likejazz group by city order by 2 desc"
    ).fetchmany(11)
    assert [list(row) for row in rows[:10]] == FACTS["jazz_cities"].value
    assert len({count for _, count in rows}) == 11


def test_ids_are_whole_and_usernames_unique(lines: list[str]) -> None:
    rows = [line.split("|") for line in lines]
    assert [row[0] for row in rows] == [str(user) for user in range(1, 49_991)]
    assert len({row[1] for row in rows}) == 49_990


def test_every_line_fits_the_table(lines: list[str]) -> None:
    shape = re.compile(
        r"\d+\|[A-Z]{3}\d\d[A-Z]{3}(\|[A-Z][A-Za-z.' ]{1,29}){3}\|[A-Z]{2}"
        r"\|[a-z.]+@[a-z]+\.example\.(com|net|org)\|\([2-9]\d\d\) 555-01\d\d"
        r"(\|(TRUE|FALSE)?){10}"
    )
    assert not [line for line in lines if not shape.fullmatch(line)]


@pytest.mark.parametrize("column", LIKES)
def test_every_like_has_three_states(database: sqlite3.Connection, column: str) -> None:
    counts = dict(
        database.execute(f"select {column}, count(*) from users group by {column}").fetchall()
    )
    assert counts.keys() == {None, 0, 1}
    assert min(counts.values()) > 9_000


@pytest.mark.parametrize("rows", [1, 300, 4_097])
def test_fewer_users_are_the_first_ones(lines: list[str], rows: int) -> None:
    assert lines_of(rows) == lines[:rows]
    assert {name: fact.value for name, fact in _facts(rows).items()} == {"rows": rows}


def test_more_users_go_on_after_the_published_ones(lines: list[str]) -> None:
    more = lines_of(60_000)
    assert more[:49_990] == lines
    assert [line.split("|")[0] for line in more[-2:]] == ["59999", "60000"]
    assert len({line.split("|")[1] for line in more}) == 60_000
    assert [line.split("|", 2)[2] for line in more[49_990:]] != [
        line.split("|", 2)[2] for line in lines[:10_010]
    ]


def _facts(rows: int) -> Any:
    return datasets.facts("redshift-users", {"rows": rows})
