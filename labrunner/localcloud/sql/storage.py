"""Where tables' files are: storages that are found by the scheme of an address."""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

from labrunner.localcloud.sql.errors import SqlError

S3_SCHEMES = ("s3", "s3n", "s3a")
CHUNK = 1 << 20


@dataclass(frozen=True)
class Address:
    """`s3://bucket/key` or `hdfs:///path`: a scheme, a bucket or host, and a path without `/`."""

    scheme: str
    place: str
    path: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.place}/{self.path}"

    def child(self, name: str) -> "Address":
        """Return the address of something in a folder."""
        return Address(self.scheme, self.place, f"{self.folder}{name}")

    @property
    def folder(self) -> str:
        """The path as the prefix of what is in it."""
        return f"{self.path.rstrip('/')}/" if self.path.strip("/") else ""


@dataclass(frozen=True)
class Entry:
    """A file of a storage; `size` is in bytes."""

    address: Address
    size: int


class Storage(Protocol):
    """A flat store of files; every method raises SqlError where it is refused or fails."""

    def list(self, prefix: Address) -> Iterator[Entry]:
        """Yield the files whose path begins so, in the order of their paths."""

    def open(self, address: Address) -> BinaryIO:
        """Open a file to be read."""

    def put(self, address: Address, source: Path) -> None:
        """Store a local file under an address."""

    def delete(self, address: Address) -> None:
        """Delete a file; one that is not there is no error."""


class Storages:
    """All storages of an engine; `default` is the scheme of addresses that name none."""

    def __init__(self, by_scheme: Mapping[str, Storage], default: str) -> None:
        self._by_scheme = dict(by_scheme)
        self._default = default

    def address(self, text: str) -> Address:
        """Read an address; raises SqlError for a scheme that is not there."""
        parts = urlsplit(text) if "://" in text else urlsplit(f"{self._default}://{text}")
        if "?" in text or "#" in text:  # both may be in a key
            rest = text.partition("://")[2] if "://" in text else text
            place, _, path = rest.partition("/")
        else:
            place, path = parts.netloc, parts.path
        scheme = parts.scheme or self._default
        self._of(scheme)
        path = path.lstrip("/")
        if ".." in path.split("/"):
            raise SqlError("execution", f"{text}: a path may not contain '..'")
        if scheme in S3_SCHEMES and not place:
            raise SqlError("semantic", f"{text} names no bucket")
        return Address(scheme, place, path)

    def _of(self, scheme: str) -> Storage:
        if scheme not in self._by_scheme:
            raise SqlError("execution", f'No FileSystem for scheme "{scheme}"')
        return self._by_scheme[scheme]

    def files(self, folder: Address) -> list[Entry]:
        """Return the files of a folder, or the one file of this very address."""
        store = self._of(folder.scheme)
        found = list(store.list(Address(folder.scheme, folder.place, folder.folder)))
        if not found and folder.path and not folder.path.endswith("/"):
            found = [one for one in store.list(folder) if one.address.path == folder.path]
        return found

    def open(self, address: Address) -> BinaryIO:
        """Open a file to be read."""
        return self._of(address.scheme).open(address)

    def put(self, address: Address, source: Path) -> None:
        """Store a local file under an address."""
        self._of(address.scheme).put(address, source)

    def delete(self, address: Address) -> None:
        """Delete a file."""
        self._of(address.scheme).delete(address)

    def clear(self, folder: Address) -> None:
        """Delete every file of a folder."""
        for entry in self.files(folder):
            self.delete(entry.address)

    def move(self, source: Address, target: Address, work: Path) -> None:
        """Move a file, through the work directory."""
        passing = work / "moving"
        with self.open(source) as stream, passing.open("wb") as out:
            shutil.copyfileobj(stream, out, CHUNK)
        self.put(target, passing)
        self.delete(source)
        passing.unlink()


class DirectoryStorage:
    """A storage that is a directory of this machine, such as the HDFS of a cluster."""

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._root = root.resolve()

    def list(self, prefix: Address) -> Iterator[Entry]:
        """Yield the files whose path begins so."""
        top = self._path(prefix)
        top = top if top.is_dir() else top.parent
        found = []
        for directory, folders, names in os.walk(top):
            folders[:] = [one for one in folders if not (Path(directory) / one).is_symlink()]
            found += [Path(directory) / one for one in names]
        for path in sorted(found):
            relative = path.relative_to(self._root).as_posix()
            if relative.startswith(prefix.path) and path.is_file() and not path.is_symlink():
                address = Address(prefix.scheme, prefix.place, relative)
                yield Entry(address, path.stat().st_size)

    def open(self, address: Address) -> BinaryIO:
        """Open a file to be read."""
        try:
            return self._path(address).open("rb")
        except OSError as error:
            raise SqlError("execution", f"{address}: {error.strerror}") from None

    def put(self, address: Address, source: Path) -> None:
        """Store a local file under an address."""
        path = self._path(address)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with source.open("rb") as stream, path.open("wb") as out:
            path.chmod(0o600)
            shutil.copyfileobj(stream, out, CHUNK)

    def delete(self, address: Address) -> None:
        """Delete a file, and the folders that it leaves empty."""
        path = self._path(address)
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder in (self._root, *self._root.parents):
                break
            try:
                folder.rmdir()
            except OSError:
                break

    def _path(self, address: Address) -> Path:
        path = (self._root / address.path).resolve()
        if not path.is_relative_to(self._root):
            raise SqlError("execution", f"{address}: Permission denied")
        return path
