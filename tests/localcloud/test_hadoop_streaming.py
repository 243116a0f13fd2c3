"""The parts of MapReduce streaming that need no machine."""

import bz2
import gzip
import io
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrunner.localcloud.hadoop.errors import CancelledError, HadoopError, UsageError
from labrunner.localcloud.hadoop.filestatus import Part, Status
from labrunner.localcloud.hadoop.streaming import aggregate, records, shuffle
from labrunner.localcloud.hadoop.streaming.counters import Counters
from labrunner.localcloud.hadoop.streaming.options import read
from labrunner.localcloud.hadoop.streaming.schedule import Schedule, Work
from labrunner.localcloud.hadoop.streaming.splits import Reader, Split, cut, find_files
from labrunner.localcloud.sql.storage import Address

BASE = ["-input", "in", "-output", "out", "-mapper", "cat"]


class Memory:
    """File systems of which all files are in memory."""

    def __init__(self, files: dict[str, bytes], block: int = 1 << 20) -> None:
        self._files = files
        self._block = block

    def of(self, _: Address) -> "Memory":
        return self

    def address(self, text: str) -> Address:
        return Address("hdfs", "", text)

    def _status(self, name: str) -> Status:
        size = len(self._files[name])
        address = Address("hdfs", "", name)
        return Status(address, is_directory=False, size=size, block_size=self._block)

    def glob(self, address: Address) -> list[Status]:
        if address.path in self._files:
            return [self._status(address.path)]
        inside = [one for one in self._files if one.startswith(f"{address.path}/")]
        return [Status(address, is_directory=True)] if inside else []

    def children(self, address: Address) -> list[Status]:
        return [self._status(n) for n in sorted(self._files) if n.startswith(f"{address.path}/")]

    def open(self, address: Address, offset: int, _near: Any) -> io.BytesIO:
        return io.BytesIO(self._files[address.path][offset:])

    def parts(self, status: Status) -> list[Part]:
        size = self._block
        return [
            Part(offset, min(size, status.size - offset), (f"host{offset // size}",))
            for offset in range(0, status.size, size)
        ]


def cut_of(files: Any, name: str, maps: int = 1) -> list[Split]:
    return cut(files, find_files(files, [name]), maps, 1)


# ---- splits


@given(
    st.lists(
        st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"").rstrip(b"\r")), max_size=30
    ),
    st.sampled_from([b"", b"\n"]),
    st.integers(1, 40),
    st.integers(1, 9),
)
def test_every_line_is_read_once_wherever_the_cuts_are(
    lines: list[bytes], end: bytes, block: int, maps: int
) -> None:
    data = b"\n".join(lines) + (end if lines else b"")
    expected = data.split(b"\n")[:-1] if data.endswith(b"\n") else data.split(b"\n")
    files: Any = Memory({"f": data}, block)
    read_lines = []
    splits = cut_of(files, "f", maps)
    for split in splits:
        for place, line in Reader(files, split, None):  # type: ignore[arg-type]
            assert data[place:].startswith(line)
            read_lines.append(line)
    assert read_lines == ([] if not data else [one.removesuffix(b"\r") for one in expected])
    assert sum(split.length for split in splits) == len(data)


def test_pieces_are_as_hadoop_cuts_them() -> None:
    files: Any = Memory({"f": b"x" * 1050, "g": b"x" * 1101, "h": b""}, 1000)
    found = find_files(files, ["f", "g", "h"])
    splits = cut(files, found, 1, 1)
    # The last piece may be a tenth longer; an empty file is a piece as well.
    assert [str(one) for one in splits] == [
        "hdfs:///f:0+1050",
        "hdfs:///g:0+1000",
        "hdfs:///g:1000+101",
        "hdfs:///h:0+0",
    ]
    assert [one.hosts for one in splits] == [("host0",), ("host0",), ("host1",), ()]
    more = cut(files, found, 10, 1)
    assert len(more) == 5 + 6 + 1
    assert len(cut(files, found, 10, 5000)) == 3


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_packed_files_are_not_cut(suffix: str, pack: Any) -> None:
    data = pack(b"a\nb\n" * 100)
    files: Any = Memory({f"f{suffix}": data}, 16)
    (split,) = cut_of(files, f"f{suffix}", 5)
    assert [line for _, line in Reader(files, split, None)] == [b"a", b"b"] * 100  # type: ignore[arg-type]


def test_what_is_read_of_a_directory() -> None:
    files: Any = Memory({"d/a": b"1", "d/_SUCCESS": b"", "d/.x": b"", "d/b": b"2"})
    assert [one.address.path for one in find_files(files, ["d"])] == ["d/a", "d/b"]
    with pytest.raises(HadoopError, match="Input path does not exist: hdfs:///nope"):
        find_files(files, ["d", "nope"])
    with pytest.raises(HadoopError, match=r"Input Pattern x\* matches 0 files"):
        find_files(files, ["x*"])


# ---- records


def test_the_hash_is_that_of_hadoops_text() -> None:
    # Of WritableComparator.hashBytes: 31 * hash + byte, from 1, in 32 bits, bytes signed.
    assert records.hash_of(b"") == 1
    assert records.hash_of(b"a") == 31 + 97
    assert records.hash_of(b"ab") == (31 * (31 + 97) + 98)
    assert records.hash_of(b"\xff") == 30
    text = b"the quick brown fox"
    found = 1
    for byte in text:
        found = 31 * found + byte
    assert records.hash_of(text) == found & 0x7FFFFFFF


@pytest.mark.parametrize(
    ("line", "fields", "record"),
    [
        (b"a\tb\tc", 1, (b"a", b"b\tc")),
        (b"a\tb\tc", 2, (b"a\tb", b"c")),
        (b"a\tb", 2, (b"a\tb", b"")),
        (b"word", 1, (b"word", b"")),
        (b"", 1, (b"", b"")),
    ],
)
def test_lines_become_records(line: bytes, fields: int, record: records.Record) -> None:
    assert records.parse(line, b"\t", fields) == record


@given(st.lists(st.tuples(st.binary(max_size=5), st.binary(max_size=5)), max_size=60))
def test_the_shuffle_sorts_and_loses_nothing(found: list[records.Record]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        collector = shuffle.Collector(Path(name) / "m", 3, None)
        for number, record in enumerate(found):
            collector.add(record)
            if number % 7 == 6:
                collector.spill()
        merged = [list(shuffle.merge(runs, Path(name))) for runs in collector.finish()]
    for number, part in enumerate(merged):
        assert [key for key, _ in part] == sorted(key for key, _ in part)
        assert all(records.hash_of(key) % 3 == number for key, _ in part)
    assert sorted(one for part in merged for one in part) == sorted(found)


def test_many_runs_are_merged_in_turns(tmp_path: Path) -> None:
    collector = shuffle.Collector(tmp_path / "m", 1, None)
    for number in range(shuffle.MOST_RUNS * 2 + 5):
        collector.add((b"%04d" % (number * 7919 % 1000), b""))
        collector.spill()
    (runs,) = collector.finish()
    keys = [key for key, _ in shuffle.merge(runs, tmp_path)]
    assert len(keys) == shuffle.MOST_RUNS * 2 + 5
    assert keys == sorted(keys)


def test_the_buffer_is_bounded(tmp_path: Path) -> None:
    collector = shuffle.Collector(tmp_path / "m", 1, None)
    for number in range(40):
        collector.add((b"%d" % number, b"x" * 1024 * 1024))
    assert len(collector.finish()[0]) > 2


def test_a_combiner_gets_sorted_runs(tmp_path: Path) -> None:
    seen = []

    def combine(found: Iterator[records.Record]) -> Iterator[records.Record]:
        batch = list(found)
        seen.append([key for key, _ in batch])
        yield batch[0][0], str(len(batch)).encode()

    collector = shuffle.Collector(tmp_path / "m", 1, combine)
    for word in (b"b", b"a", b"c"):
        collector.add((word, b"1"))
    assert list(shuffle.merge(collector.finish()[0], tmp_path)) == [(b"a", b"3")]
    assert seen == [[b"a", b"b", b"c"]]


def test_aggregate() -> None:
    rows = [
        (b"DoubleValueSum:d", b"0.5"),
        (b"DoubleValueSum:d", b"1.25"),
        (b"LongValueMax:m", b"9"),
        (b"LongValueMax:m", b"10"),
        (b"LongValueSum:w", b"1"),
        (b"LongValueSum:w", b"2"),
        (b"StringValueMin:s", b"b"),
        (b"StringValueMin:s", b"a"),
        (b"UniqValueCount:u", b"x"),
        (b"UniqValueCount:u", b"x"),
        (b"UniqValueCount:u", b"y"),
    ]
    expected = [(b"d", b"1.75"), (b"m", b"10"), (b"w", b"3"), (b"s", b"a"), (b"u", b"2")]
    assert list(aggregate.reduce(rows, is_last=True)) == expected
    combined = sorted(aggregate.reduce(rows, is_last=False))
    assert len(combined) == 6
    assert sorted(aggregate.reduce(combined, is_last=True)) == sorted(expected)
    with pytest.raises(HadoopError, match="LongValueSum:word"):
        list(aggregate.reduce([(b"word", b"1")], is_last=True))
    with pytest.raises(HadoopError, match="NumberFormatException"):
        list(aggregate.reduce([(b"LongValueSum:w", b"one")], is_last=True))


# ---- options


def test_options() -> None:
    found = read(
        ["-D", "mapred.reduce.tasks=3", "-Da.b=c", "-files", "s3://b/m.py,r.py", *BASE[:2],
         "-input", "x,y", "-output", "out", "-mapper", "m.py 'a b'", "-combiner", "r.py",
         "-reducer", "aggregate", "-cmdenv", "X=1=2"],
        {"mapreduce.job.maps": "9"},
    )  # fmt: skip
    assert found.inputs == ["in", "x", "y"]
    assert found.mapper == ["m.py", "a b"]
    assert found.files == ["s3://b/m.py", "r.py"]
    assert found.environment == {"X": "1=2"}
    assert found.settings["a.b"] == "c"
    assert (found.reduces, found.number("mapreduce.job.maps")) == (3, 9)
    assert read([*BASE, "-reducer", "NONE"], {}).reduces == 0
    assert read([*BASE, "-numReduceTasks", "0"], {}).reduces == 0
    assert read(BASE, {}).reduces == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([*BASE, "-D", "a=b"], "Unrecognized option: -D"),
        ([*BASE, "-files", "x"], "Unrecognized option: -files"),
        ([*BASE, "-bogus", "x"], "Unrecognized option: -bogus"),
        ([*BASE, "-reducer"], "Missing argument for option: reducer"),
        (BASE[2:], "Missing required option: input"),
        (BASE[:2], "Missing required option: output"),
        (["-D", "mapreduce.job.reduces=x", *BASE], "no whole number"),
        (["-D", "mapreduce.job.reduces=1000", *BASE], "more than 100 reducers"),
        (["-D", "mapreduce.output.fileoutputformat.compress=true", *BASE], "not supported"),
        ([*BASE, "-inputformat", "SequenceFileInputFormat"], "not supported"),
        ([*BASE, "-partitioner", "x.KeyFieldBasedPartitioner"], "not supported"),
        ([*BASE, "-reducer", "org.apache.hadoop.mapred.lib.LongSumReducer"], "not supported"),
        ([*BASE, "-mapper", "'open"], "No closing quotation"),
        ([*BASE, "-combiner", "aggregate"], "is a reducer"),
    ],
)
def test_bad_options(arguments: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read(arguments, {})


# ---- schedule


@dataclass(eq=False)
class Host:
    hostname: str
    is_up: bool = True


def nodes(*names: str) -> list[Any]:
    return [Host(name) for name in names]


def test_work_goes_to_the_nodes_that_have_the_data() -> None:
    found = nodes("a", "b", "c")
    works = [Work(number, ("abc"[number % 3],)) for number in range(30)]
    ran: dict[int, str] = {}

    def attempt(work: Work, node: Any) -> bool:
        ran[work.number] = node.hostname
        return True

    Schedule(found, works, threading.Event()).run(attempt)
    assert ran == {number: "abc"[number % 3] for number in range(30)}


def test_a_busy_or_lost_node_does_not_keep_work_waiting_for_ever() -> None:
    a, b = nodes("a", "b")
    release = threading.Event()
    ran: dict[int, str] = {}

    def attempt(work: Work, node: Any) -> bool:
        ran[work.number] = node.hostname
        if node is a:
            release.wait(10)
        elif work.number == 4:
            release.set()
        return True

    began = time.monotonic()
    Schedule([a, b], [Work(number, ("a",)) for number in range(5)], threading.Event()).run(attempt)
    assert set(ran.values()) == {"a", "b"}
    assert time.monotonic() - began < 8
    a.is_up = False
    ran.clear()
    Schedule([a, b], [Work(0, ("a",))], threading.Event()).run(attempt)
    assert ran == {0: "b"}
    b.is_up = False
    with pytest.raises(OSError, match="no node"):
        Schedule([a, b], [Work(0)], threading.Event()).run(attempt)


def test_what_failed_is_tried_elsewhere() -> None:
    tried: list[str] = []

    def attempt(work: Work, node: Any) -> bool:
        tried.append(node.hostname)
        return len(tried) == 2

    Schedule(nodes("a", "b"), [Work(0, ("a",))], threading.Event()).run(attempt)
    assert tried == ["a", "b"]


def test_an_error_and_a_cancel_end_all() -> None:
    def fail(work: Work, node: Any) -> bool:
        raise HadoopError("", "broken")

    works = [Work(number) for number in range(50)]
    with pytest.raises(HadoopError, match="broken"):
        Schedule(nodes("a", "b"), works, threading.Event()).run(fail)
    cancelled = threading.Event()

    def cancel(work: Work, node: Any) -> bool:
        cancelled.set()
        return True

    with pytest.raises(CancelledError):
        Schedule(nodes("a"), [Work(number) for number in range(50)], cancelled).run(cancel)


def test_counters_are_printed_as_hadoop_prints_them() -> None:
    counters = Counters()
    counters.add("Map-Reduce Framework", "Map input records", 5)
    counters.add("Job Counters ", "Launched map tasks")
    counters.add("mine", "bad lines", 2)
    assert str(counters) == (
        "Counters: 4\n"
        "\tJob Counters \n\t\tLaunched map tasks=1\n"
        "\tMap-Reduce Framework\n\t\tMap input records=5\n\t\tMap output records=0\n"
        "\tmine\n\t\tbad lines=2\n"
    )
