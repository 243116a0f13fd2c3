"""What all file systems of a cluster have in common."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Protocol

from labrunner.localcloud.hadoop.hdfs.namenode import GROUP, OWNER
from labrunner.localcloud.hadoop.nodes import Node
from labrunner.localcloud.sql.storage import Address

CHUNK = 1 << 16
BUFFER = 1 << 16
# Of EMR's file system on S3: objects have no blocks, but are split as if they had.
S3_BLOCK = 64 * 1024 * 1024
# Of what has no time of its own.
EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Part:
    """A piece of a file and the names of the nodes that have it."""

    offset: int
    length: int
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Status:
    """A file or directory; `size` is in bytes, `permission` as of chmod."""

    address: Address
    is_directory: bool
    size: int = 0
    modified: datetime = EPOCH
    replication: int = 0
    block_size: int = 0
    permission: int = 0o755
    owner: str = OWNER
    group: str = GROUP


class FileSystem(Protocol):
    """A file system; every method raises HadoopError where it is refused or fails."""

    def status(self, address: Address) -> Status | None:
        """Return what is at an address, None if nothing is."""

    def children(self, address: Address) -> list[Status]:
        """Return what a directory has, in order of names."""

    def walk(self, address: Address) -> Iterator[Status]:
        """Yield the files at an address and below it, in order."""

    def open(self, address: Address, offset: int = 0, near: Node | None = None) -> BinaryIO:
        """Open a file to be read from an offset."""

    def write(
        self, address: Address, *, overwrite: bool = False
    ) -> AbstractContextManager[BinaryIO]:
        """Give a new file to be written, which is there when all went well."""

    def mkdirs(self, address: Address) -> None:
        """Make a directory and those that lead to it."""

    def delete(self, address: Address) -> None:
        """Delete a file, or a directory with all that it has."""

    def rename(self, source: Address, target: Address) -> None:
        """Move something to an address that is free."""

    def parts(self, status: Status) -> list[Part]:
        """Return the blocks of a file, with their places."""


def shown(address: Address) -> str:
    """Return an address as programs show it: with its scheme and a leading `/`."""
    return f"{address.scheme}://{address.place}/{address.path}"


def copy(source: BinaryIO, target: BinaryIO) -> int:
    """Copy a stream and return its bytes."""
    count = 0
    while data := source.read(CHUNK):
        target.write(data)
        count += len(data)
    return count
