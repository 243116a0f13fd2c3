"""HDFS on nodes that are directories: blocks, replicas, checksums, and what survives a loss."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest

from labrunner.localcloud.hadoop.errors import HadoopError
from labrunner.localcloud.hadoop.globs import matcher
from labrunner.localcloud.hadoop.hdfs.namenode import Directory, File, Namenode
from labrunner.localcloud.hadoop.storages import HdfsStorage
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.storage import Address

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass(eq=False)
class Disk:
    """A data node whose disk is a directory."""

    id: str
    root: Path
    is_up: bool = True
    hostname: str = field(init=False)
    ip: str = "10.0.0.1"

    def __post_init__(self) -> None:
        self.hostname = f"ip-{self.id}"

    def place(self, path: str) -> str:
        return f"{self.root}{path}"

    def _check(self) -> None:
        if not self.is_up:
            raise OSError("down")

    def open(self, path: str) -> BinaryIO:
        self._check()
        return Path(path).open("rb", buffering=0)

    def create(self, path: str) -> BinaryIO:
        self._check()
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return Path(path).open("wb", buffering=0)

    def status(self, path: str) -> Any:
        found = Path(path)
        return SimpleNamespace(size=found.stat().st_size) if found.exists() else None

    def remove(self, path: str) -> None:
        self._check()
        Path(path).unlink()

    def files(self) -> list[Path]:
        return sorted(one for one in self.root.rglob("*") if one.is_file())


@pytest.fixture
def disks(tmp_path: Path) -> list[Disk]:
    return [Disk(str(number), tmp_path / str(number)) for number in range(3)]


@pytest.fixture
def hdfs(disks: list[Disk]) -> Namenode:
    return Namenode(lambda: disks, lambda: NOON, "BP-1", replication=2, block_size=1000)


def put(hdfs: Namenode, path: str, data: bytes, **options: Any) -> File:
    with hdfs.create(path, **options) as stream:
        stream.write(data)
    found = hdfs.find(path)
    assert isinstance(found, File)
    return found


def get(hdfs: Namenode, path: str, offset: int = 0) -> bytes:
    with hdfs.open(path, offset) as stream:
        return stream.read()


def test_a_file_is_blocks_on_several_nodes(hdfs: Namenode, disks: list[Disk]) -> None:
    data = bytes(range(256)) * 10
    file = put(hdfs, "/a/b", data)
    assert [block.size for block in file.blocks] == [1000, 1000, 560]
    assert all(len(set(block.live())) == 2 for block in file.blocks)
    assert sum(len(disk.files()) for disk in disks) == 6
    # Together the pieces on disk are the file, twice.
    assert sum(len(one.read_bytes()) for disk in disks for one in disk.files()) == 2 * len(data)
    assert get(hdfs, "/a/b") == data
    assert [get(hdfs, "/a/b", at) for at in (1, 999, 1000, 2001, 2560)] == [
        data[1:],
        data[999:],
        data[1000:],
        data[2001:],
        b"",
    ]


def test_it_is_readable_as_long_as_one_replica_is_left(hdfs: Namenode, disks: list[Disk]) -> None:
    data = b"0123456789" * 300
    file = put(hdfs, "/f", data)
    for down in disks:
        down.is_up = False
        assert get(hdfs, "/f") == data
        down.is_up = True
    for node in file.blocks[1].nodes:
        node.remove(node.place(file.blocks[1].path))
    with pytest.raises(HadoopError, match="Could not obtain block: BP-1:blk_1073741826_1002"):
        get(hdfs, "/f")
    assert get(hdfs, "/f", 2000) == data[2000:]


def test_a_replica_that_was_changed_is_not_read(hdfs: Namenode) -> None:
    data = b"abc" * 200
    file = put(hdfs, "/f", data)
    first = file.blocks[0].nodes[0]
    path = Path(first.place(file.blocks[0].path))
    path.write_bytes(b"xyz" + path.read_bytes()[3:])
    with hdfs.open("/f", 0, first) as stream:
        assert stream.read() == data
    assert file.blocks[0].corrupt == {first}
    assert first not in file.blocks[0].live()


def test_setting_the_replication_copies_and_deletes(hdfs: Namenode, disks: list[Disk]) -> None:
    file = put(hdfs, "/f", b"x" * 1500)
    hdfs.replicate(file, 3)
    assert [len(block.live()) for block in file.blocks] == [3, 3]
    hdfs.replicate(file, 1)
    assert [len(block.live()) for block in file.blocks] == [1, 1]
    assert sum(len(disk.files()) for disk in disks) == 2
    assert get(hdfs, "/f") == b"x" * 1500


def test_nodes_that_leave_give_their_blocks_away(hdfs: Namenode, disks: list[Disk]) -> None:
    file = put(hdfs, "/f", b"x" * 5000, replication=1)
    going = file.blocks[0].nodes[0]
    disks.remove(next(disk for disk in disks if disk is going))
    hdfs.decommission([going])
    assert all(block.nodes and going not in block.nodes for block in file.blocks)
    assert file.replication == 1
    assert get(hdfs, "/f") == b"x" * 5000


def test_blocks_are_spread_and_go_with_the_file(hdfs: Namenode, disks: list[Disk]) -> None:
    put(hdfs, "/f", b"x" * 30_000, replication=1)
    assert [len(disk.files()) for disk in disks] == [10, 10, 10]
    assert hdfs.delete("/f")
    assert [disk.files() for disk in disks] == [[], [], []]
    assert not hdfs.delete("/f")


def test_what_fails_on_the_way_is_not_there(hdfs: Namenode, disks: list[Disk]) -> None:
    def write() -> None:
        with hdfs.create("/f") as stream:
            stream.write(b"x" * 2500)
            stream.flush()
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert hdfs.find("/f") is None
    assert [disk.files() for disk in disks] == [[], [], []]


def test_without_nodes_nothing_can_be_written(hdfs: Namenode, disks: list[Disk]) -> None:
    for disk in disks:
        disk.is_up = False
    with pytest.raises(HadoopError, match="0 of the 1 minReplication nodes"):
        put(hdfs, "/f", b"x")


def test_names(hdfs: Namenode) -> None:
    put(hdfs, "/a/f", b"x")
    with pytest.raises(HadoopError, match="already exists"):
        put(hdfs, "/a/f", b"y")
    put(hdfs, "/a/f", b"z", overwrite=True)
    assert get(hdfs, "/a/f") == b"z"
    with pytest.raises(HadoopError, match="is not a directory"):
        hdfs.mkdirs("/a/f/g")
    with pytest.raises(HadoopError, match="already exists as a directory"):
        put(hdfs, "/a", b"x")
    hdfs.rename("/a", "/b")
    assert hdfs.find("/a") is None
    assert isinstance(hdfs.find("/b"), Directory)
    with pytest.raises(HadoopError, match="is within"):
        hdfs.rename("/b", "/b/c")
    with pytest.raises(HadoopError, match="File does not exist: /nope"):
        hdfs.open("/nope")
    assert [path for path, _ in hdfs.walk("/")] == ["/", "/b", "/b/f"]
    with pytest.raises(HadoopError, match="less than configured minimum"):
        put(hdfs, "/c", b"x", block_size=10)


def test_as_a_storage_of_hive(hdfs: Namenode, tmp_path: Path) -> None:
    storage = HdfsStorage(hdfs)
    source = tmp_path / "source"
    source.write_bytes(b"1\n2\n")
    storage.put(Address("hdfs", "", "t/x=1/000000_0"), source)
    put(hdfs, "/tt", b"")
    found = list(storage.list(Address("hdfs", "", "t/")))
    assert [(str(one.address), one.size) for one in found] == [("hdfs:///t/x=1/000000_0", 4)]
    assert storage.open(found[0].address).read() == b"1\n2\n"
    storage.delete(found[0].address)
    assert not list(storage.list(Address("hdfs", "", "t/")))
    with pytest.raises(SqlError):
        storage.open(found[0].address)


@pytest.mark.parametrize(
    ("pattern", "fits", "not_"),
    [
        ("part-*", ["part-00000", "part-"], ["_SUCCESS"]),
        ("log?", ["log1"], ["log", "log12"]),
        ("[a-c]x", ["ax", "cx"], ["dx"]),
        ("[^a]x", ["bx"], ["ax"]),
        ("{ab,c*}", ["ab", "c", "cd"], ["a"]),
        ("a.b", ["a.b"], ["axb"]),
        (r"a\*", ["a*"], ["ab"]),
    ],
)
def test_patterns(pattern: str, fits: list[str], not_: list[str]) -> None:
    match = matcher(pattern)
    assert all(match(one) for one in fits)
    assert not any(match(one) for one in not_)
