"""The metastore: databases, tables and partitions, which outlive the sessions that use them."""

import fnmatch
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from labrunner.localcloud.sql.hive.statements import ColumnSpec
from labrunner.localcloud.sql.storage import Address

DEFAULT_DATABASE = "default"


@dataclass(frozen=True)
class Format:
    """How a table's files are read and written; `kind` is text, regex, csv, json or parquet."""

    kind: str
    serde: str
    properties: dict[str, str]
    input_format: str
    output_format: str
    delimited: bool = False


@dataclass(frozen=True)
class Partition:
    """A partition: its values as texts, and where its files are."""

    values: tuple[str, ...]
    location: Address


@dataclass(frozen=True)
class Table:
    """A table, or a view if it has a query."""

    database: str
    name: str
    columns: tuple[ColumnSpec, ...]
    format: Format
    location: Address
    partition_columns: tuple[ColumnSpec, ...] = ()
    external: bool = False
    comment: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    partitions: tuple[Partition, ...] = ()
    view: str = ""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def full_name(self) -> str:
        """`database.table`."""
        return f"{self.database}.{self.name}"

    @property
    def all_columns(self) -> tuple[ColumnSpec, ...]:
        """The columns of a row: the partition's come last."""
        return (*self.columns, *self.partition_columns)

    def find(self, values: tuple[str, ...]) -> Partition | None:
        """Return the partition of values."""
        return next((one for one in self.partitions if one.values == values), None)

    def folder(self, values: tuple[str, ...]) -> Address:
        """Return where a partition is unless it says otherwise: `name=value/...`."""
        names = (one.name for one in self.partition_columns)
        parts = [f"{n}={escaped(v)}" for n, v in zip(names, values, strict=True)]
        return self.location.child("/".join(parts))


# FileUtils.escapePathName of Hive: what may not be in the name of a folder.
ESCAPED = frozenset("\"#%'*/:=?\\{[]^\x7f") | frozenset(map(chr, range(32)))
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


def escaped(value: str) -> str:
    """Return a partition's value as a part of a path."""
    return "".join(f"%{ord(c):02X}" if c in ESCAPED else c for c in value)


@dataclass(frozen=True)
class Database:
    """A database and where its managed tables are."""

    name: str
    location: Address
    comment: str = ""


class Metastore:
    """The databases and tables of a cluster; safe for threads."""

    def __init__(self, warehouse: Address) -> None:
        self._warehouse = warehouse
        self._lock = threading.RLock()
        self._databases = {
            DEFAULT_DATABASE: Database(DEFAULT_DATABASE, warehouse, "Default Hive database")
        }
        self._tables: dict[tuple[str, str], Table] = {}

    def database(self, name: str) -> Database | None:
        """Return a database."""
        with self._lock:
            return self._databases.get(name)

    def add_database(self, name: str, location: Address | None, comment: str) -> bool:
        """Add a database; false if it is there."""
        with self._lock:
            if name in self._databases:
                return False
            place = location or self._warehouse.child(f"{name}.db")
            self._databases[name] = Database(name, place, comment)
            return True

    def remove_database(self, name: str) -> None:
        """Remove a database with its tables."""
        with self._lock:
            self._databases.pop(name, None)
            for key in [key for key in self._tables if key[0] == name]:
                del self._tables[key]

    def databases(self, pattern: str | None) -> list[str]:
        """Return the names of databases in order."""
        with self._lock:
            return [name for name in sorted(self._databases) if matches(name, pattern)]

    def table(self, database: str, name: str) -> Table | None:
        """Return a table or view."""
        with self._lock:
            return self._tables.get((database, name))

    def tables(self, database: str, pattern: str | None = None) -> list[Table]:
        """Return the tables of a database in the order of their names."""
        with self._lock:
            found = sorted(self._tables.items())
            return [t for (d, n), t in found if d == database and matches(n, pattern)]

    def put(self, table: Table) -> None:
        """Add a table or replace it."""
        with self._lock:
            self._tables[table.database, table.name] = table

    def add(self, table: Table) -> bool:
        """Add a table; false if one of its name is there."""
        with self._lock:
            if (table.database, table.name) in self._tables:
                return False
            self.put(table)
            return True

    def remove(self, table: Table) -> None:
        """Remove a table."""
        with self._lock:
            self._tables.pop((table.database, table.name), None)

    def rename(self, table: Table, database: str, name: str) -> bool:
        """Give a table another name; false if it is taken."""
        with self._lock:
            if (database, name) in self._tables:
                return False
            self.remove(table)
            self.put(replace(table, database=database, name=name))
            return True

    def set_partitions(self, table: Table, added: Iterator[Partition] | list[Partition]) -> Table:
        """Add partitions to a table, in place of those of the same values."""
        with self._lock:
            current = self._tables.get((table.database, table.name), table)
            found = {one.values: one for one in current.partitions}
            found |= {one.values: one for one in added}
            changed = replace(current, partitions=tuple(found[key] for key in sorted(found)))
            self.put(changed)
            return changed

    def drop_partitions(self, table: Table, dropped: list[Partition]) -> Table:
        """Remove partitions from a table."""
        with self._lock:
            gone = {one.values for one in dropped}
            kept = tuple(one for one in table.partitions if one.values not in gone)
            changed = replace(table, partitions=kept)
            self.put(changed)
            return changed


def matches(name: str, pattern: str | None) -> bool:
    """Whether a name fits a pattern of SHOW: `*` for anything, `|` between alternatives."""
    if pattern is None:
        return True
    return any(fnmatch.fnmatchcase(name, one.strip().lower()) for one in pattern.split("|"))
