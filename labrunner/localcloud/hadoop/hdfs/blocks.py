"""Blocks: a piece of a file, kept as one file on each of some nodes."""

import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

from labrunner.localcloud.hadoop.errors import IO, HadoopError

# Each piece of so many bytes has a checksum of its own.
PIECE = 65536
FIRST_BLOCK = 1073741825
GENERATION = 1001


class Datanode(Protocol):
    """Where replicas are kept; every method raises OSError when it is down."""

    id: str
    hostname: str
    ip: str

    @property
    def is_up(self) -> bool:
        """Whether it answers."""

    def place(self, path: str) -> str:
        """Return a path as its commands know it."""

    def open(self, path: str) -> BinaryIO:
        """Open a file to be read, unbuffered."""

    def create(self, path: str) -> BinaryIO:
        """Open a file to be written, and make the directories that lead to it."""

    def status(self, path: str) -> Any:
        """Return what a path is, None if it is not there; `size` is in bytes."""

    def remove(self, path: str) -> None:
        """Delete a file."""


@dataclass(eq=False)
class Block:
    """A block: its number, its bytes, a checksum for each piece, and the nodes that keep it."""

    pool: str
    number: int
    size: int = 0
    checksums: list[int] = field(default_factory=list)
    nodes: list[Datanode] = field(default_factory=list)
    corrupt: set[Datanode] = field(default_factory=set)  # whose replica was read, and is not good

    @property
    def name(self) -> str:
        """Its name in reports."""
        return f"{self.pool}:blk_{self.number}_{self.number - FIRST_BLOCK + GENERATION}"

    @property
    def path(self) -> str:
        """Where a node keeps it."""
        finalized = f"/mnt/hdfs/current/{self.pool}/current/finalized"
        return f"{finalized}/subdir0/subdir0/blk_{self.number}"

    def live(self) -> list[Datanode]:
        """Return the nodes that have it now, whole."""
        return [one for one in self.nodes if one not in self.corrupt and self._is_on(one)]

    def _is_on(self, node: Datanode) -> bool:
        try:
            found = node.status(node.place(self.path)) if node.is_up else None
        except OSError:
            return False
        return found is not None and found.size == self.size

    def remove(self) -> None:
        """Delete its replicas."""
        for node in self.nodes:
            try:
                node.remove(node.place(self.path))
            except OSError:
                continue


class BlockWriter:
    """Writes one block to several nodes; those that fail are left out."""

    def __init__(self, block: Block, nodes: Iterable[Datanode]) -> None:
        self._block = block
        self._piece = bytearray()
        self._open: dict[Datanode, BinaryIO] = {}
        for node in nodes:
            try:
                self._open[node] = node.create(node.place(block.path))
            except OSError:
                continue
        self._require_one()

    def _require_one(self) -> None:
        if not self._open:
            text = (
                f"{self._block.name} could only be written to 0 of the 1 minReplication nodes: "
                "no datanode of the cluster is running."
            )
            raise HadoopError(IO, text)

    def write(self, data: memoryview) -> None:
        """Write bytes, which must fit into the block; raises HadoopError."""
        self._block.size += len(data)
        while len(data):
            room = PIECE - len(self._piece)
            self._piece += data[:room]
            data = data[room:]
            if len(self._piece) == PIECE:
                self._flush()

    def _flush(self) -> None:
        for node, stream in tuple(self._open.items()):
            try:
                _write_all(stream, self._piece)
            except OSError:
                del self._open[node]
                stream.close()
        self._require_one()
        self._block.checksums.append(zlib.crc32(self._piece))
        self._piece.clear()

    def close(self) -> None:
        """End the block; raises HadoopError."""
        if self._piece:
            self._flush()
        for stream in self._open.values():
            stream.close()
        self._block.nodes = list(self._open)


def _write_all(stream: BinaryIO, data: bytearray) -> None:
    view = memoryview(bytes(data))
    while view:
        view = view[stream.write(view) :]


def read_block(block: Block, offset: int, prefer: Datanode | None) -> Iterator[bytes]:
    """Yield a block from an offset, piece by piece, each from a replica whose checksum fits.

    Raises HadoopError where no replica is left.
    """
    nodes = sorted(block.nodes, key=lambda node: node is not prefer)
    stream: BinaryIO | None = None
    try:
        number, skip = divmod(offset, PIECE)
        while number < len(block.checksums):
            data = None
            while data is None:
                if not nodes:
                    text = f"Could not obtain block: {block.name} : No live nodes contain it."
                    raise HadoopError("org.apache.hadoop.hdfs.BlockMissingException", text)
                try:
                    if stream is None:
                        stream = nodes[0].open(nodes[0].place(block.path))
                    data = _piece(stream, number, block.checksums[number])
                    if data is None:
                        block.corrupt.add(nodes[0])
                except OSError:
                    data = None
                if data is None:
                    if stream is not None:
                        stream.close()
                        stream = None
                    nodes.pop(0)
            yield data[skip:]
            number, skip = number + 1, 0
    finally:
        if stream is not None:
            stream.close()


def _piece(stream: BinaryIO, number: int, checksum: int) -> bytes | None:
    stream.seek(number * PIECE)
    data = bytearray()
    while len(data) < PIECE and (more := stream.read(PIECE - len(data))):
        data += more
    return bytes(data) if zlib.crc32(data) == checksum else None


class IterableStream(io.RawIOBase):
    """Makes a file to read of an iterator of bytes."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        super().__init__()
        self._parts = parts
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; 0 at the end."""
        while not len(self._rest):
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = memoryview(part)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        """Let go of what is behind it."""
        close = getattr(self._parts, "close", None)
        if close is not None and not self.closed:
            close()
        super().close()
