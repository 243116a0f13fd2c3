"""The files that Spark sees: those of the storages, and those that it has not committed yet."""

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote

from labrunner.localcloud.hadoop.errors import (
    ILLEGAL,
    IO,
    NOT_FOUND,
    PATH_EXISTS,
    HadoopError,
)
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.storage import Address, Entry, Storage

CHUNK = 1 << 20
# Where Hadoop's, Spark's and Hive's committers write before they rename what they wrote.
STAGING = ("_temporary", ".hive-staging", ".spark-staging")
DENIED = "org.apache.hadoop.security.AccessControlException"
NOT_DIRECTORY = "org.apache.hadoop.fs.ParentNotDirectoryException"
NOT_EMPTY = "org.apache.hadoop.fs.PathIsNotEmptyDirectoryException"
DENIALS = ("AccessDenied", "AllAccessDisabled", "InvalidObjectState")


@dataclass(frozen=True)
class Status:
    """A file, with its bytes, or a directory."""

    address: Address
    is_directory: bool
    size: int = 0

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.address.path.rpartition("/")[2]


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """Raise what a storage or this host's disk refuses as Hadoop does."""
    try:
        yield
    except SqlError as error:
        kind = IO
        if error.message.startswith(DENIALS):
            kind = DENIED
        elif error.message.startswith("NoSuch"):
            kind = NOT_FOUND
        raise HadoopError(kind, error.message) from None
    except OSError as error:
        raise HadoopError(IO, error.strerror or type(error).__name__) from error


class Files:
    """One tree of names over flat storages, found by scheme.

    A storage has no directories: those that Spark makes are kept in `directory`, and so is what it
    writes below a committer's own directory (`_temporary`, ...) until that is renamed into its
    place, when it becomes a file of the storage. So a storage shows no half of a result, and
    nothing of what failed. What is read is never copied there. Every method raises HadoopError.
    """

    def __init__(self, storages: Mapping[str, Storage], directory: Path) -> None:
        self._storages = dict(storages)
        self._kept = directory / "kept"
        self._passing = directory / "passing"
        for one in (self._kept, self._passing):
            one.mkdir(mode=0o700, parents=True, exist_ok=True)

    def address(self, scheme: str, place: str, path: str) -> Address:
        """Return an address in its normal form."""
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if ".." in parts or "\0" in path:
            raise HadoopError(ILLEGAL, f"{path}: a path may not contain '..' or NUL")
        if scheme not in self._storages:
            kind = "org.apache.hadoop.fs.UnsupportedFileSystemException"
            raise HadoopError(kind, f'No FileSystem for scheme "{scheme}"')
        return Address(scheme, place, "/".join(parts))

    def status(self, address: Address) -> Status | None:
        """Return what is at an address, None if there is nothing."""
        kept = self._path(address)
        if kept.is_file():
            return Status(address, is_directory=False, size=kept.stat().st_size)
        if address.path:
            for entry in self._listed(address, 1):
                if entry.address.path == address.path:
                    return Status(address, is_directory=False, size=entry.size)
        folder = Address(address.scheme, address.place, address.folder)
        if any(True for _ in self._listed(folder, 1)) or kept.is_dir() or not address.path:
            return Status(address, is_directory=True)
        return None

    def get(self, address: Address) -> Status:
        """Return what is at an address."""
        found = self.status(address)
        if found is None:
            raise HadoopError(NOT_FOUND, f"File does not exist: {address}")
        return found

    def list(self, address: Address) -> list[Status]:
        """Return what a directory has, by name; of a file, the file."""
        status = self.get(address)
        if not status.is_directory:
            return [status]
        found: dict[str, Status] = {}
        prefix = Address(address.scheme, address.place, address.folder)
        for entry in self._listed(prefix):
            name, slash, _ = entry.address.path.removeprefix(prefix.path).partition("/")
            if name and slash:
                found.setdefault(name, Status(address.child(name), is_directory=True))
            elif name:
                found[name] = Status(address.child(name), is_directory=False, size=entry.size)
        for name, one in self._kept_children(address):
            size = 0 if one.is_dir() else one.stat().st_size
            found[name] = Status(address.child(name), is_directory=one.is_dir(), size=size)
        return [found[name] for name in sorted(found)]

    def walk(self, address: Address) -> Iterator[Status]:
        """Yield the files at an address and below."""
        status = self.status(address)
        if status is None or not status.is_directory:
            yield from () if status is None else (status,)
            return
        prefix = Address(address.scheme, address.place, address.folder)
        for entry in self._listed(prefix):
            if not entry.address.path.endswith("/"):
                yield Status(entry.address, is_directory=False, size=entry.size)
        yield from self._kept_below(address)

    # ---- reading and writing

    def open(self, status: Status, offset: int = 0) -> BinaryIO:
        """Open a file at an offset."""
        kept = self._path(status.address)
        with storage_errors():
            if kept.is_file():
                stream: BinaryIO = kept.open("rb")
            else:
                stream = self._storages[status.address.scheme].open(status.address)
            if stream.seekable():
                stream.seek(offset)
            else:
                while offset and (data := stream.read(min(offset, CHUNK))):
                    offset -= len(data)
        return stream

    @contextlib.contextmanager
    def create(self, address: Address, *, overwrite: bool = False) -> Iterator[BinaryIO]:
        """Give a file to be written; it is there when the block ends without an error."""
        self.check_new(address, overwrite=overwrite)
        with self._passing_file() as path:
            with storage_errors(), path.open("wb") as stream:
                yield stream
            self._store(path, address)

    def check_new(self, address: Address, *, overwrite: bool) -> None:
        """Raise HadoopError where a file cannot be created."""
        found = self.status(address)
        if found is not None and (found.is_directory or not overwrite):
            raise HadoopError(PATH_EXISTS, f"{address} already exists")
        self._check_parents(address)

    def mkdirs(self, address: Address) -> None:
        """Make a directory and those that lead to it."""
        found = self.status(address)
        if found is not None and not found.is_directory:
            raise HadoopError(PATH_EXISTS, f"{address} is a file")
        if found is None:
            self._check_parents(address)
        with storage_errors():
            self._path(address).mkdir(mode=0o700, parents=True, exist_ok=True)

    def delete(self, address: Address, *, recursive: bool) -> bool:
        """Delete a file or a directory; return whether there was anything."""
        status = self.status(address)
        if status is None:
            return False
        if status.is_directory and not recursive and self.list(address):
            raise HadoopError(NOT_EMPTY, f"`{address}': Directory is not empty")
        storage = self._storages[address.scheme]
        folder = Address(address.scheme, address.place, address.folder)
        doomed = [one.address for one in self._listed(folder)] if status.is_directory else [address]
        kept = self._path(address)
        with storage_errors():
            if not kept.is_file():
                for one in doomed:
                    storage.delete(one)
            _remove(kept)
        return True

    def rename(self, source: Address, target: Address) -> bool:
        """Move a file or a directory, into the target where that is a directory; as HDFS does.

        Return False where there is nothing to move, or something in the way.
        """
        status = self.status(source)
        if status is None or not source.path or f"{target.path}/".startswith(f"{source.path}/"):
            return False
        there = self.status(target)
        if there is not None:
            target = target.child(status.name)
            if not there.is_directory or self.status(target) is not None:
                return False
        self._check_parents(target)
        for one in list(self.walk(source)):
            rest = one.address.path.removeprefix(source.path)
            self._move(one, Address(target.scheme, target.place, target.path + rest))
        with storage_errors():
            self._move_directories(self._path(source), self._path(target))
        if status.is_directory:
            self.delete(source, recursive=True)  # the marker objects of folders, too
        return True

    def forget_uncommitted(self) -> None:
        """Remove what waits for a commit that will not come, and directories of S3."""
        for scheme in self._kept.iterdir():
            if scheme.name != "hdfs":
                _remove(scheme)
        for directory, folders, _ in os.walk(self._kept):
            for name in [one for one in folders if unquote(one).startswith(STAGING)]:
                folders.remove(name)
                _remove(Path(directory) / name)
        _remove(self._passing)
        self._passing.mkdir(mode=0o700)

    # ---- inside

    def _listed(self, prefix: Address, most: int | None = None) -> Iterator[Entry]:
        # A key sorts before all that begin with it, so that the first ones are enough to know it.
        with storage_errors():
            yield from itertools.islice(self._storages[prefix.scheme].list(prefix), most)

    def _path(self, address: Address) -> Path:
        parts = (address.scheme, address.place or "_", *address.path.split("/"))
        return self._kept.joinpath(*(quote(part, safe="") for part in parts if part))

    def _kept_children(self, address: Address) -> Iterator[tuple[str, Path]]:
        path = self._path(address)
        if path.is_dir():
            yield from ((unquote(one.name), one) for one in path.iterdir())

    def _kept_below(self, address: Address) -> Iterator[Status]:
        for name, one in self._kept_children(address):
            child = address.child(name)
            if one.is_dir():
                yield from self._kept_below(child)
            else:
                yield Status(child, is_directory=False, size=one.stat().st_size)

    def _check_parents(self, address: Address) -> None:
        parts = address.path.split("/")
        for count in range(1, len(parts)):
            parent = Address(address.scheme, address.place, "/".join(parts[:count]))
            if self._path(parent).is_dir():
                continue
            found = self.status(parent)
            if found is not None and not found.is_directory:
                raise HadoopError(NOT_DIRECTORY, f"{parent} is not a directory")

    @contextlib.contextmanager
    def _passing_file(self) -> Iterator[Path]:
        with storage_errors():
            handle, name = tempfile.mkstemp(dir=self._passing)
            os.close(handle)
        path = Path(name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _store(self, path: Path, address: Address) -> None:
        """Bring a local file to its address."""
        kept = self._path(address)
        with storage_errors():
            kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_staged(address):
                path.replace(kept)
            else:
                self._storages[address.scheme].put(address, path)

    def _move(self, status: Status, target: Address) -> None:
        kept = self._path(status.address)
        if kept.is_file():
            self._store(kept, target)
            kept.unlink(missing_ok=True)
            return
        with self._passing_file() as path:
            with self.open(status) as stream, path.open("wb") as out:
                shutil.copyfileobj(stream, out, CHUNK)
            self._store(path, target)
        with storage_errors():
            self._storages[status.address.scheme].delete(status.address)

    def _move_directories(self, source: Path, target: Path) -> None:
        if source.is_dir():
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
            for one in source.iterdir():
                self._move_directories(one, target / one.name)


def _is_staged(address: Address) -> bool:
    return any(part.startswith(STAGING) for part in address.path.split("/"))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
