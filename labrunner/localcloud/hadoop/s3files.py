"""S3 as a file system of a cluster's programs."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from labrunner.localcloud.hadoop.errors import IO, PATH_EXISTS, HadoopError
from labrunner.localcloud.hadoop.filestatus import EPOCH, S3_BLOCK, Part, Status, copy, shown
from labrunner.localcloud.hadoop.nodes import Node
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.storage import Address, Entry, Storage


@contextlib.contextmanager
def s3_errors() -> Iterator[None]:
    """Raise what S3 refuses as Hadoop does."""
    try:
        yield
    except SqlError as error:
        kind = IO
        if "AccessDenied" in error.message or "NoSuch" in error.message:
            kind = "com.amazonaws.services.s3.model.AmazonS3Exception"
        raise HadoopError(kind, error.message) from None


class S3FileSystem:
    """The buckets of the cloud; a directory is what the key of an object goes through."""

    def __init__(self, storage: Storage, work: Path) -> None:
        self._storage = storage
        self._work = work

    def status(self, address: Address) -> Status | None:
        """Return an object, or a directory if a key goes through it."""
        path = address.path.rstrip("/")
        exact = Address(address.scheme, address.place, path)
        with s3_errors():
            for entry in self._storage.list(exact):
                if entry.address.path == path and path:
                    return _object(exact, entry)
                if not path or entry.address.path.startswith(f"{path}/"):
                    return Status(exact, is_directory=True, permission=0o777)
        return Status(exact, is_directory=True, permission=0o777) if not path else None

    def children(self, address: Address) -> list[Status]:
        """Return the objects and the directories of a directory."""
        found: dict[str, Status] = {}
        prefix = address.folder
        with s3_errors():
            for entry in self._storage.list(Address(address.scheme, address.place, prefix)):
                name, slash, _ = entry.address.path.removeprefix(prefix).partition("/")
                if not name:
                    continue
                child = address.child(name)
                if slash:
                    found.setdefault(name, Status(child, is_directory=True, permission=0o777))
                else:
                    found[name] = _object(child, entry)
        return [found[name] for name in sorted(found)]

    def walk(self, address: Address) -> Iterator[Status]:
        """Yield the objects at an address and below."""
        path = address.path.rstrip("/")
        with s3_errors():
            for entry in self._storage.list(Address(address.scheme, address.place, path)):
                found = entry.address.path
                if found.endswith("/"):
                    continue
                if not path or found == path or found.startswith(f"{path}/"):
                    yield _object(entry.address, entry)

    def open(self, address: Address, offset: int = 0, near: Node | None = None) -> BinaryIO:
        """Open an object to be read."""
        del near
        with s3_errors():
            stream = self._storage.open(address)
        left = offset
        while left and (skipped := len(stream.read(min(left, 1 << 20)))):
            left -= skipped
        return stream

    @contextlib.contextmanager
    def write(self, address: Address, *, overwrite: bool = False) -> Iterator[BinaryIO]:
        """Give a file that becomes an object."""
        if not overwrite and self.status(address) is not None:
            raise HadoopError(PATH_EXISTS, f"File already exists: {shown(address)}")
        handle, name = tempfile.mkstemp(prefix="upload-", dir=self._work)
        path = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
            with s3_errors():
                self._storage.put(address, path)
        finally:
            path.unlink(missing_ok=True)

    def mkdirs(self, address: Address) -> None:
        """Do nothing where the bucket may be listed: keys need no directories."""
        self.status(address)

    def delete(self, address: Address) -> None:
        """Delete objects."""
        for status in list(self.walk(address)):
            with s3_errors():
                self._storage.delete(status.address)

    def rename(self, source: Address, target: Address) -> None:
        """Copy objects and delete them."""
        for status in list(self.walk(source)):
            rest = status.address.path.removeprefix(source.path)
            goal = Address(target.scheme, target.place, target.path + rest)
            with self.open(status.address) as stream, self.write(goal) as out:
                copy(stream, out)
            with s3_errors():
                self._storage.delete(status.address)

    def parts(self, status: Status) -> "list[Part]":
        """Return the pieces by which an object is split."""
        return [
            Part(offset, min(S3_BLOCK, status.size - offset))
            for offset in range(0, status.size, S3_BLOCK)
        ]


def _object(address: Address, entry: Entry) -> Status:
    return Status(
        address,
        is_directory=False,
        size=entry.size,
        modified=getattr(entry, "modified", EPOCH),
        replication=1,
        block_size=S3_BLOCK,
        permission=0o666,
    )
