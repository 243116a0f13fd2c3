"""One view of all that a cluster's programs read and write: `hdfs:`, `s3:` and `file:`."""

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol, cast

from labrunner.localcloud.hadoop.errors import IO, NOT_FOUND, PATH_EXISTS, HadoopError
from labrunner.localcloud.hadoop.hdfs.blocks import Datanode
from labrunner.localcloud.hadoop.hdfs.namenode import GROUP, OWNER, Directory, Namenode
from labrunner.localcloud.hadoop.hdfs.namenode import Entry as HdfsEntry
from labrunner.localcloud.hadoop.nodes import HOME, Node
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.storage import S3_SCHEMES, Address, Entry, Storage

# Of EMR's file system on S3: objects have no blocks, but are split as if they had.
S3_BLOCK = 64 * 1024 * 1024
CHUNK = 1 << 16
BUFFER = 1 << 16
USER_HOME = "user/hadoop"
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


class HdfsFileSystem:
    """The cluster's HDFS; new files get other replicas and blocks than usual if that is said."""

    def __init__(
        self, namenode: Namenode, *, replication: int | None = None, block_size: int | None = None
    ) -> None:
        self.namenode = namenode
        self._replication = replication
        self._block_size = block_size

    def status(self, address: Address) -> Status | None:
        """Return what is at an address."""
        entry = self.namenode.find(address.path)
        return None if entry is None else _hdfs_status(address, entry)

    def children(self, address: Address) -> list[Status]:
        """Return what a directory has."""
        entry = self.namenode.find(address.path)
        if not isinstance(entry, Directory):
            return []
        found = sorted(entry.children.items())
        return [_hdfs_status(address.child(name), one) for name, one in found]

    def walk(self, address: Address) -> Iterator[Status]:
        """Yield the files at an address and below."""
        for path, entry in self.namenode.walk(address.path):
            if not isinstance(entry, Directory):
                found = Address(address.scheme, address.place, path.lstrip("/"))
                yield _hdfs_status(found, entry)

    def open(self, address: Address, offset: int = 0, near: Datanode | None = None) -> BinaryIO:
        """Open a file to be read."""
        return self.namenode.open(f"/{address.path}", offset, near)

    def write(
        self, address: Address, *, overwrite: bool = False
    ) -> AbstractContextManager[BinaryIO]:
        """Give a new file to be written."""
        return self.namenode.create(
            f"/{address.path}",
            overwrite=overwrite,
            replication=self._replication,
            block_size=self._block_size,
        )

    def mkdirs(self, address: Address) -> None:
        """Make a directory."""
        self.namenode.mkdirs(address.path)

    def delete(self, address: Address) -> None:
        """Delete."""
        self.namenode.delete(address.path)

    def rename(self, source: Address, target: Address) -> None:
        """Move."""
        self.namenode.rename(f"/{source.path}", f"/{target.path}")

    def parts(self, status: Status) -> list[Part]:
        """Return the blocks of a file."""
        entry = self.namenode.find(status.address.path)
        found, offset = [], 0
        for block in getattr(entry, "blocks", ()):
            hosts = tuple(node.hostname for node in block.live())
            found.append(Part(offset, block.size, hosts))
            offset += block.size
        return found


def _hdfs_status(address: Address, entry: HdfsEntry) -> Status:
    if isinstance(entry, Directory):
        return Status(address, True, 0, entry.modified, permission=entry.permission)  # noqa: FBT003
    return Status(
        address,
        is_directory=False,
        size=entry.size,
        modified=entry.modified,
        replication=entry.replication,
        block_size=entry.block_size,
        permission=entry.permission,
    )


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


def copy(source: BinaryIO, target: BinaryIO) -> int:
    """Copy a stream and return its bytes."""
    count = 0
    while data := source.read(CHUNK):
        target.write(data)
        count += len(data)
    return count


class FileSystems:
    """The file systems of a program that runs on a node; `default` is the scheme without one."""

    def __init__(
        self, hdfs: HdfsFileSystem, s3: S3FileSystem, local: LocalFileSystem, default: str = "hdfs"
    ) -> None:
        self.hdfs = hdfs
        self._by_scheme: dict[str, FileSystem] = {"hdfs": hdfs, "file": local}
        self._by_scheme.update(dict.fromkeys(S3_SCHEMES, s3))
        self._default = default

    def of(self, address: Address) -> FileSystem:
        """Return the file system of an address."""
        return self._by_scheme[address.scheme]

    def address(self, text: str, scheme: str = "", cwd: str = "") -> Address:
        """Read an address; a relative path begins at home, or at `cwd`. Raises HadoopError."""
        found, colon, rest = text.partition(":")
        if not colon or "/" in found or not found:
            scheme, place, path = scheme or self._default, "", text
        elif rest.startswith("//"):
            scheme = found
            place, _, path = rest[2:].partition("/")
            path = f"/{path}"
        else:
            scheme, place, path = found, "", rest
        if scheme not in self._by_scheme:
            kind = "org.apache.hadoop.fs.UnsupportedFileSystemException"
            raise HadoopError(kind, f'No FileSystem for scheme "{scheme}"')
        if scheme in S3_SCHEMES and not place:
            raise HadoopError("java.lang.IllegalArgumentException", f"{text} names no bucket")
        if not path.startswith("/"):
            path = f"{(cwd or HOME) if scheme == 'file' else f'/{USER_HOME}'}/{path}"
        if scheme in S3_SCHEMES:
            return Address(scheme, place, path.lstrip("/").rstrip("/"))
        place = place if scheme == "hdfs" else ""
        return Address(scheme, place, normal(path))

    def glob(self, address: Address) -> list[Status]:
        """Return what a pattern matches, in order; without `*?[{` that is the address itself."""
        if not any(sign in address.path for sign in "*?[{"):
            found = self.of(address).status(address)
            return [] if found is None else [found]
        from labrunner.localcloud.hadoop.globs import matcher

        parts = address.path.split("/")
        here = [Address(address.scheme, address.place, "")]
        matched: Sequence[Status] = ()
        for number, part in enumerate(parts):
            fits = matcher(part)
            matched = [
                child
                for folder in here
                for child in self.of(folder).children(folder)
                if fits(PurePosixPath(child.address.path).name)
            ]
            is_last = number == len(parts) - 1
            here = [] if is_last else [one.address for one in matched if one.is_directory]
        return list(matched)


def normal(path: str) -> str:
    """Return a path without `.`, `..`, and leading or double slashes."""
    found: list[str] = []
    for part in path.split("/"):
        if part == "..":
            found = found[:-1]
        elif part not in ("", "."):
            found.append(part)
    return "/".join(found)
