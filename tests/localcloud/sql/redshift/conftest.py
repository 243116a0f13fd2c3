"""Redshift sessions on a warehouse of the test, whose files of S3 are a directory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pytest

pytest.importorskip("duckdb", reason="the SQL engine needs duckdb, of the extra [local]")
pytest.importorskip("sqlglot", reason="the SQL engine needs sqlglot, of the extra [local]")

from labrunner.localcloud.sql.redshift import types
from labrunner.localcloud.sql.redshift.results import Result, shown
from labrunner.localcloud.sql.redshift.session import Session
from labrunner.localcloud.sql.redshift.warehouse import Warehouse
from labrunner.localcloud.sql.storage import Address, DirectoryStorage, Entry

REGION = "us-east-1"


class DirectoryStore:
    """Buckets that are one directory; the bucket `far` is in another region."""

    def __init__(self, root: Path) -> None:
        self._storage = DirectoryStorage(root)

    def region(self, bucket: str) -> str:
        return {"far": "eu-west-1", "none": ""}.get(bucket, REGION)

    def list(self, prefix: Address) -> Iterator[Entry]:
        return self._storage.list(prefix)

    def open(self, address: Address) -> BinaryIO:
        return self._storage.open(address)

    def put(self, address: Address, source: Path) -> None:
        self._storage.put(address, source)

    def delete(self, address: Address) -> None:
        self._storage.delete(address)


@dataclass
class DirectoryLake:
    """A lake without roles."""

    root: Path
    region: str = REGION

    def store(self, role: str | None, user: str) -> DirectoryStore:
        del role, user
        return DirectoryStore(self.root)


@dataclass
class Seen:
    """A result whose rows were read."""

    tag: str
    columns: list[str]
    rows: list[tuple[str | None, ...]]
    count: int
    notices: tuple[str, ...]


@dataclass
class Redshift:
    """A warehouse with one session, and what it gave."""

    root: Path
    warehouse: Warehouse
    session: Session
    results: list[Seen] = field(default_factory=list)

    def run(self, sql: str) -> list[tuple[str | None, ...]]:
        """Run statements and return the rows of the last one, as texts."""
        self.session.run(sql, self._keep)
        return self.results[-1].rows

    def _keep(self, result: Result) -> None:
        kinds = [one.type for one in result.columns]
        rows = [
            tuple(shown(value, kind) for value, kind in zip(row, kinds, strict=True))
            for batch in result.batches
            for row in batch
        ]
        names = [f"{one.name} {types.name(one.type)}" for one in result.columns]
        self.results.append(Seen(result.tag, names, rows, result.count, result.notices))

    @property
    def last(self) -> Seen:
        return self.results[-1]

    def open(
        self, user: str = "admin", database: str = "dev", *, is_super: bool = True
    ) -> "Redshift":
        """Return another session of the warehouse."""
        session = Session(
            self.warehouse, DirectoryLake(self.root / "s3"), database=database, user=user,
            account="123456789012", namespace="n", is_super=is_super,
        )  # fmt: skip
        return Redshift(self.root, self.warehouse, session)

    def write(self, path: str, data: str | bytes) -> None:
        """Put an object of the bucket that every address means."""
        target = self.root / "s3" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)

    def read(self, path: str) -> bytes:
        return (self.root / "s3" / path).read_bytes()


def started(root: Path) -> Iterator[Redshift]:
    warehouse = Warehouse(root / "work", database="dev", admin="admin")
    found = Redshift(root, warehouse, Session(
        warehouse, DirectoryLake(root / "s3"), database="dev", user="admin",
        account="123456789012", namespace="n",
    ))  # fmt: skip
    try:
        yield found
    finally:
        found.session.close()
        warehouse.close()


@pytest.fixture
def redshift(tmp_path: Path) -> Iterator[Redshift]:
    yield from started(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redshift]:
    yield from started(tmp_path_factory.mktemp("redshift"))


@pytest.fixture
def query(shared: Redshift) -> Callable[[str], str]:
    """Run one query and return its rows as one text."""

    def run(text: str) -> str:
        rows = shared.run(text)
        return " ".join("|".join("∅" if one is None else one for one in row) for row in rows)

    return run
