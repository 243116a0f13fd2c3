"""Hive sessions on storages that are directories of the test."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("duckdb", reason="the SQL engine needs duckdb, of the extra [local]")
pytest.importorskip("sqlglot", reason="the SQL engine needs sqlglot, of the extra [local]")

from labrunner.localcloud.sql.hive.metastore import Metastore
from labrunner.localcloud.sql.hive.script import Variables
from labrunner.localcloud.sql.hive.session import HiveSession, Result
from labrunner.localcloud.sql.storage import DirectoryStorage, Storages


@dataclass
class Seen:
    """A result whose lines were read."""

    statement: str
    lines: list[str]
    names: tuple[str, ...]
    types: tuple[str, ...]
    rows_read: dict[str, int]
    rows_written: int


@dataclass
class Hive:
    """A cluster's Hive with its storages, and what its sessions gave."""

    root: Path
    storages: Storages
    metastore: Metastore
    session: HiveSession
    results: list[Seen] = field(default_factory=list)

    def run(self, script: str) -> list[str]:
        """Run a script and return the lines of its last statement."""
        self.session.run_script(script, self.keep)
        return self.results[-1].lines

    def keep(self, result: Result) -> None:
        lines = list(result.lines)
        self.results.append(
            Seen(
                result.statement,
                lines,
                result.names,
                tuple(map(str, result.types)),
                dict(result.rows_read),
                result.rows_written,
            )
        )

    @property
    def last(self) -> Seen:
        return self.results[-1]

    def s3(self, path: str) -> Path:
        """Return the file behind s3://bucket/path; the bucket is not part of it."""
        return self.root / "s3" / path

    def hdfs(self, path: str) -> Path:
        return self.root / "hdfs" / path

    def write(self, path: str, data: str | bytes) -> None:
        """Put an object."""
        target = self.s3(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)

    def files(self, folder: str) -> dict[str, bytes]:
        """Return the objects of a folder by name."""
        top = self.s3(folder)
        return {
            p.relative_to(top).as_posix(): p.read_bytes()
            for p in sorted(top.rglob("*"))
            if p.is_file()
        }


@pytest.fixture
def hive(tmp_path: Path) -> Iterator[Hive]:
    yield from hives(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hive]:
    yield from hives(tmp_path_factory.mktemp("hive"))


def hives(root: Path, **options: Any) -> Iterator[Hive]:
    storages = Storages(
        {"hdfs": DirectoryStorage(root / "hdfs"), "s3": DirectoryStorage(root / "s3")}, "hdfs"
    )
    metastore = Metastore(storages.address("/user/hive/warehouse"))
    variables = Variables(options.pop("hivevar", {}), options.pop("hiveconf", {}))
    with HiveSession(metastore, storages, root / "work", variables, **options) as session:
        yield Hive(root, storages, metastore, session)


@pytest.fixture
def query(shared: Hive) -> Callable[[str], str]:
    """Run one query and return its lines as one text."""

    def run(text: str) -> str:
        return "\n".join(shared.run(text))

    return run
