"""The files of a machine as a file system of the programs there."""

import contextlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO, cast

from labrunner.localcloud.hadoop.errors import IO, NOT_FOUND, PATH_EXISTS, HadoopError
from labrunner.localcloud.hadoop.filestatus import BUFFER, S3_BLOCK, Part, Status, shown
from labrunner.localcloud.hadoop.nodes import Node
from labrunner.localcloud.sql.storage import Address


@contextlib.contextmanager
def local_errors(address: Address) -> Iterator[None]:
    """Raise what the operating system of a machine refuses as Hadoop does."""
    try:
        yield
    except OSError as error:
        kind = NOT_FOUND if isinstance(error, FileNotFoundError) else IO
        why = error.strerror or str(error) or "the machine is down"
        raise HadoopError(kind, f"/{address.path} ({why})") from None


class LocalFileSystem:
    """The files of the machine where a program runs."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def _path(self, address: Address) -> str:
        return f"/{address.path}"

    def status(self, address: Address) -> Status | None:
        """Return a file or directory."""
        with local_errors(address):
            found = self._node.status(self._path(address))
        if found is None:
            return None
        modified = datetime.fromtimestamp(found.modified, UTC)
        return Status(
            address,
            found.is_directory,
            found.size,
            modified,
            replication=0 if found.is_directory else 1,
            block_size=S3_BLOCK,
            permission=found.mode & 0o777,
            group="hadoop",
        )

    def children(self, address: Address) -> list[Status]:
        """Return what a directory has."""
        with local_errors(address):
            names = [one.name for one in self._node.list(self._path(address))]
        found = (self.status(address.child(name)) for name in names)
        return [one for one in found if one is not None]

    def walk(self, address: Address) -> Iterator[Status]:
        """Yield the files at an address and below."""
        status = self.status(address)
        if status is None:
            return
        if not status.is_directory:
            yield status
            return
        for child in self.children(address):
            yield from self.walk(child.address)

    def open(self, address: Address, offset: int = 0, near: Node | None = None) -> BinaryIO:
        """Open a file to be read."""
        del near
        with local_errors(address):
            raw = self._node.open(self._path(address))
            raw.seek(offset)
        return cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", raw), BUFFER))

    @contextlib.contextmanager
    def write(self, address: Address, *, overwrite: bool = False) -> Iterator[BinaryIO]:
        """Give a file to be written."""
        if not overwrite and self.status(address) is not None:
            raise HadoopError(PATH_EXISTS, f"File already exists: {shown(address)}")
        with local_errors(address):
            raw = self._node.create(self._path(address))
        with io.BufferedWriter(cast("io.RawIOBase", raw), BUFFER) as stream:
            yield cast("BinaryIO", stream)

    def mkdirs(self, address: Address) -> None:
        """Make a directory."""
        with local_errors(address):
            self._node.mkdirs(self._path(address))

    def delete(self, address: Address) -> None:
        """Delete a file; directories are left to the machine's own programs."""
        with local_errors(address):
            self._node.remove(self._path(address))

    def rename(self, source: Address, target: Address) -> None:
        """Move a file."""
        with local_errors(source):
            self._node.wait(self._node.files.rename(self._path(source), self._path(target)))

    def parts(self, status: Status) -> "list[Part]":
        """Return the whole file, which only its machine has."""
        return [Part(0, status.size, (self._node.hostname,))]
