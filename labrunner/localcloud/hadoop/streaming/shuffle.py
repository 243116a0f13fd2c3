"""Between mappers and reducers: partitions, sorted runs on disk, and their merge."""

import heapq
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from operator import itemgetter
from pathlib import Path

from labrunner.localcloud.hadoop.streaming import records
from labrunner.localcloud.hadoop.streaming.records import Record

BUFFER_BYTES = 16 * 1024 * 1024
RECORD_BYTES = 120  # what a record costs beyond its bytes
MOST_RUNS = 64  # merged at once
KEY = itemgetter(0)

Combine = Callable[[Iterator[Record]], Iterable[Record]]


class Collector:
    """Takes the output of one mapper, and keeps it sorted, by reducer, in files of `directory`.

    `combine` gets the sorted records of each run and returns fewer.
    """

    def __init__(self, directory: Path, partitions: int, combine: Combine | None) -> None:
        directory.mkdir(mode=0o700, parents=True)
        self._directory = directory
        self._combine = combine
        self._buffers: list[list[Record]] = [[] for _ in range(partitions)]
        self._size = 0
        self._runs: list[list[Path]] = [[] for _ in range(partitions)]
        self._numbers = itertools.count()
        self.count = self.bytes = self.spilled = 0
        self._partition = lru_cache(4096)(lambda key: records.hash_of(key) % partitions)

    def add(self, record: Record) -> None:
        """Take a record."""
        key, value = record
        self._buffers[self._partition(key)].append(record)
        size = len(key) + len(value)
        self.count += 1
        self.bytes += size
        self._size += size + RECORD_BYTES
        if self._size > BUFFER_BYTES:
            self.spill()

    def spill(self) -> None:
        """Write what is in memory as sorted runs."""
        for buffer, runs in zip(self._buffers, self._runs, strict=True):
            if not buffer:
                continue
            buffer.sort(key=KEY)
            found: Iterable[Record] = iter(buffer)
            if self._combine is not None:
                found = sorted(self._combine(iter(buffer)), key=KEY)
            path = self._directory / f"run-{next(self._numbers)}"
            with path.open("wb") as stream:
                count, _ = records.write(stream, found)
            self.spilled += count
            runs.append(path)
            buffer.clear()
        self._size = 0

    def finish(self) -> list[list[Path]]:
        """Write the rest, and return the runs of each reducer."""
        self.spill()
        return self._runs


def merge(runs: list[Path], directory: Path) -> Iterator[Record]:
    """Yield the records of sorted runs in order of their keys."""
    numbers = itertools.count()
    while len(runs) > MOST_RUNS:
        some, runs = runs[:MOST_RUNS], runs[MOST_RUNS:]
        path = directory / f"merge-{threading.get_ident()}-{next(numbers)}"
        with path.open("wb") as stream:
            records.write(stream, _merged(some))
        runs.append(path)
    yield from _merged(runs)


def _merged(runs: list[Path]) -> Iterator[Record]:
    return heapq.merge(*(records.read(path.open("rb")) for path in runs), key=KEY)
