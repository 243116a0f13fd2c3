"""HDFS and S3 as storages of the SQL engine."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from labrunner.localcloud.hadoop.errors import HadoopError
from labrunner.localcloud.hadoop.hdfs.namenode import File, Namenode, parts_of
from labrunner.localcloud.s3.listing import list_objects_v2
from labrunner.localcloud.sql.cloud_storage import S3Storage
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.storage import Address, Entry

CHUNK = 1 << 20


@dataclass(frozen=True)
class TimedEntry(Entry):
    """An object that says when it was stored."""

    modified: datetime


class TimedS3Storage(S3Storage):
    """S3 whose listings say when objects were stored."""

    def list(self, prefix: Address) -> Iterator[Entry]:
        """Yield the objects whose key begins so; needs s3:ListBucket."""
        query = {"list-type": "2", "prefix": prefix.path}
        while True:
            page = self._call("GET", prefix, "", query, list_objects_v2)
            for one in page["Contents"]:
                address = Address(prefix.scheme, prefix.place, one["Key"])
                yield TimedEntry(address, one["Size"], one["LastModified"])
            token = page.get("NextContinuationToken")
            if token is None:
                return
            query["continuation-token"] = token


@contextmanager
def _as_sql_errors() -> Iterator[None]:
    try:
        yield
    except HadoopError as error:
        raise SqlError("execution", str(error)) from None


class HdfsStorage:
    """The files of a name node; every method raises SqlError."""

    def __init__(self, namenode: Namenode) -> None:
        self._namenode = namenode

    def list(self, prefix: Address) -> Iterator[Entry]:
        """Yield the files whose path begins so."""
        folder = prefix.path.rpartition("/")[0]
        for path, entry in self._namenode.walk(folder):
            found = path.lstrip("/")
            if isinstance(entry, File) and found.startswith(prefix.path):
                yield Entry(Address(prefix.scheme, prefix.place, found), entry.size)

    def open(self, address: Address) -> BinaryIO:
        """Open a file to be read."""
        with _as_sql_errors():
            return self._namenode.open(f"/{address.path}")

    def put(self, address: Address, source: Path) -> None:
        """Store a local file."""
        with (
            _as_sql_errors(),
            source.open("rb") as stream,
            self._namenode.create(f"/{address.path}", overwrite=True) as out,
        ):
            shutil.copyfileobj(stream, out, CHUNK)

    def delete(self, address: Address) -> None:
        """Delete a file; its directory stays."""
        if parts_of(address.path):
            self._namenode.delete(address.path)
