"""The same bytes everywhere, made in bounded memory."""

import hashlib
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable
from itertools import zip_longest

import pytest

from labrunner import datasets

DEFAULTS = {
    "cloudfront-logs": "048afd7358f511d93ba0ea77afb74694796887a7a36bb80d45d4f5a19db9e133",
    "redshift-users": "cc03595cf8d5e0c4673fe08f2b3518850387e4e62bbdcb55160d28d81f10dd72",
    "words": "7e86e2d13073e0ea221a9f6d7a09627868329f336e7dd58364d6586da27fecca",
}
DIGESTS = """
import hashlib
from labrunner import datasets
for name in datasets.names():
    digest = hashlib.sha256()
    for file in datasets.make(name):
        digest.update(file.name.encode())
        for chunk in file.chunks():
            digest.update(chunk)
    print(name, digest.hexdigest())
"""


def digest_of(files: Iterable[datasets.DataFile]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode())
        for chunk in file.chunks():
            digest.update(chunk)
    return digest.hexdigest()


@pytest.mark.parametrize("name", datasets.names())
def test_the_default_files_are_the_recorded_ones(name: str) -> None:
    assert digest_of(datasets.make(name)) == DEFAULTS[name]


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_another_process_makes_the_same(seed: str) -> None:
    made = subprocess.run(
        [sys.executable, "-c", DIGESTS],
        env={**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert dict(line.split() for line in made.stdout.splitlines()) == DEFAULTS


@pytest.mark.parametrize("name", datasets.names())
def test_files_may_be_read_in_any_order_and_again(name: str) -> None:
    files = list(datasets.make(name))
    backwards = [b"".join(file.chunks()) for file in reversed(files)]
    assert [b"".join(file.chunks()) for file in files] == backwards[::-1]
    at_once = zip_longest(*(file.chunks() for file in files), fillvalue=b"")
    assert [b"".join(chunks) for chunks in zip(*at_once, strict=True)] == backwards[::-1]


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("cloudfront-logs", {"rows": 150_000}),
        ("redshift-users", {"rows": 150_000}),
        ("words", {"words": 1_000_000, "files": 1}),
    ],
)
def test_much_data_needs_little_memory(name: str, params: dict[str, int]) -> None:
    size = 0
    tracemalloc.start()
    try:
        for file in datasets.make(name, params):
            for chunk in file.chunks():
                size += len(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size / 2
    assert peak < 6_000_000
