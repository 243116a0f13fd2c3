"""Spark for tests: whether it is here, and a cluster whose files are directories."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest

from labrunner.localcloud.spark import (
    Application,
    Host,
    Spark,
    SparkUnavailableError,
    ThisHost,
    detect,
)
from labrunner.localcloud.spark.installation import Installation
from labrunner.localcloud.sql.storage import Address, DirectoryStorage, Entry, Storage


def _missing() -> str:
    try:
        detect(os.environ)
    except SparkUnavailableError as error:
        return str(error)
    return ""


MISSING = _missing()
needs_spark = pytest.mark.skipif(bool(MISSING), reason=MISSING)


def installation() -> Installation:
    """Return the Spark of this host, which a test marked `needs_spark` has."""
    return detect(os.environ)


class Buckets:
    """A storage whose buckets are the directories of a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _bucket(self, address: Address) -> DirectoryStorage:
        return DirectoryStorage(self._root / address.place)

    def list(self, prefix: Address) -> Iterator[Entry]:
        return self._bucket(prefix).list(prefix)

    def open(self, address: Address) -> BinaryIO:
        return self._bucket(address).open(address)

    def put(self, address: Address, source: Path) -> None:
        self._bucket(address).put(address, source)

    def delete(self, address: Address) -> None:
        self._bucket(address).delete(address)


@dataclass
class Done:
    """How an application ended, and what it printed."""

    code: int
    out: str
    err: str

    def lines(self) -> list[str]:
        """Return what was printed; fail where the application did."""
        assert self.code == 0, self.err[-4000:]
        return self.out.splitlines()


class Cluster:
    """Spark with storages below a directory: `s3/BUCKET/KEY` and `hdfs/PATH`."""

    def __init__(self, root: Path, host: Host | None = None) -> None:
        self.root = root
        self.storages: dict[str, Storage] = {
            "hdfs": DirectoryStorage(root / "hdfs"),
            "s3": Buckets(root / "s3"),
        }
        # A space in the name, as a user's directory may have.
        host = host or ThisHost(root / "work of spark", installation())
        self.spark = Spark(root / "work of files", self.storages, host)

    def sql(self, *arguments: str) -> Done:
        return run(self.spark.sql(arguments))

    def submit(self, *arguments: str) -> Done:
        return run(self.spark.submit(arguments))

    def script(self, text: str, **variables: str) -> Done:
        return run(self.spark.script(text, variables))

    def write(self, path: str, data: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(data)

    def files(self, folder: str) -> dict[str, str]:
        """Return the files of a folder by name."""
        top = self.root / folder
        return {
            one.relative_to(top).as_posix(): one.read_text()
            for one in sorted(top.rglob("*"))
            if one.is_file()
        }

    def rows(self, folder: str) -> list[str]:
        """Return the lines of all parts of a result, in order; fail where it is not whole."""
        found = self.files(folder)
        assert "_SUCCESS" in found
        return sorted(line for text in found.values() for line in text.splitlines())


def run(application: Application) -> Done:
    """Run an application to its end."""
    out, err = bytearray(), bytearray()
    code = application.run(out.extend, err.extend)
    return Done(code, out.decode(), err.decode())
