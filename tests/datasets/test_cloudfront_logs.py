"""CloudFront logs: what the tutorial's expression finds in them."""

import re
from collections import Counter
from ipaddress import ip_address, ip_network
from itertools import pairwise

import pytest

from labrunner import datasets

# The `input.regex` of the tutorial's table: ten fields, then three parts of the user agent.
INPUT_REGEX = re.compile(
    r"^(?!#)" + r"([^ ]+)\s+" * 10 + r"[^\(]+[\(]([^\;]+).*\%20([^\/]+)[\/](.*)$"
)
PUBLISHED = {"Android": 855, "Linux": 813, "MacOS": 852, "OSX": 799, "Windows": 883, "iOS": 794}
DOCUMENTATION = [
    ip_network(network) for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
]


def lines_of(rows: int = 4_996, files: int = 2) -> list[list[str]]:
    made = datasets.make("cloudfront-logs", {"rows": rows, "files": files})
    return [b"".join(file.chunks()).decode("ascii").splitlines() for file in made]


@pytest.fixture(scope="module")
def records() -> list[tuple[str, ...]]:
    """What the table has of the default files, comment lines left out."""
    found = [INPUT_REGEX.match(line) for file in lines_of() for line in file]
    return [match.groups() for match in found if match]


def test_the_query_of_the_tutorial_gives_the_published_result(
    records: list[tuple[str, ...]],
) -> None:
    in_window = [row for row in records if "2014-07-05" <= row[0] <= "2014-08-05"]
    assert Counter(row[10] for row in in_window) == PUBLISHED
    assert len(in_window) == 4_996


def test_five_thousand_lines_are_read_from_two_files() -> None:
    names = [file.name for file in datasets.make("cloudfront-logs")]
    files = lines_of()
    assert names == ["log1", "log2"]
    assert sum(map(len, files)) == 5_000
    for file in files:
        assert file[0] == "#Version: 1.0"
        assert file[1].startswith("#Fields: date time x-edge-location sc-bytes c-ip cs-method ")
        assert len(file[1].split()) == 12
        assert not [line for line in file[2:] if line.startswith("#")]


def test_the_facts_are_the_published_figures() -> None:
    facts = datasets.facts("cloudfront-logs")
    assert facts["os_counts"].value == PUBLISHED
    assert facts["records"].value == 4_996
    assert facts["comment_lines"].value == 4
    assert facts["lines"].value == 5_000
    assert facts["os_counts"].source
    assert not datasets.facts("cloudfront-logs", {"rows": 4_997})["os_counts"].source


def test_every_record_is_eleven_fields_between_tabs(records: list[tuple[str, ...]]) -> None:
    fields = [line.split("\t") for file in lines_of() for line in file[2:]]
    assert [row[:10] for row in records] == [tuple(line[:10]) for line in fields]
    assert {len(line) for line in fields} == {11}
    assert not [line for line in fields if " " in "".join(line)]


def test_the_values_are_such_as_cloudfront_writes(records: list[tuple[str, ...]]) -> None:
    for row in records:
        assert re.fullmatch(r"2014-0[78]-\d\d", row[0])
        assert re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d", row[1])
        assert re.fullmatch(r"[A-Z]{3}\d{1,2}", row[2])
        assert 0 < int(row[3]) < 2**31
        assert any(ip_address(row[4]) in network for network in DOCUMENTATION)
        assert row[5] in ("GET", "HEAD")
        assert row[6].endswith(".cloudfront.net")
        assert row[7].startswith("/")
        assert row[8] in ("200", "206", "304", "404")
        assert row[9] == "-" or row[9].startswith("http://")
        assert re.fullmatch(r"[A-Za-z]+", row[11])
        assert re.fullmatch(r"[\d.]+", row[12])
    assert {row[0] for row in records} >= {"2014-07-05", "2014-08-05"}
    assert {row[8] for row in records} == {"200", "206", "304", "404"}
    assert len({row[2] for row in records}) > 20


def test_records_are_in_order_of_time_and_their_systems_mixed(
    records: list[tuple[str, ...]],
) -> None:
    times = [row[:2] for row in records]
    assert times == sorted(times)
    changes = sum(one[10] != next_one[10] for one, next_one in pairwise(records))
    assert changes > 4_000


@pytest.mark.parametrize(("rows", "files"), [(100, 1), (100, 100), (4_995, 3), (50_000, 7)])
def test_any_number_of_rows_has_the_published_shares(rows: int, files: int) -> None:
    made = lines_of(rows, files)
    facts = datasets.facts("cloudfront-logs", {"rows": rows, "files": files})
    counts = Counter(line.split("(")[1].split(";")[0] for file in made for line in file[2:])
    assert counts == facts["os_counts"].value
    assert sum(map(len, made)) == facts["lines"].value == rows + 2 * files
    for system, count in PUBLISHED.items():
        assert abs(counts[system] - count * rows / 4_996) < 1
    for file in made:
        assert abs(len(file) - 2 - rows / files) <= 6
