# ruff: noqa: S608 - the SQL is made of our own names and of quoted texts
"""Queries into files: of a table, of its partitions, or of a directory."""

from dataclasses import dataclass, field
from pathlib import Path

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.datatypes import STRING
from labrunner.localcloud.sql.engine import Engine
from labrunner.localcloud.sql.errors import SqlError, unsupported
from labrunner.localcloud.sql.hive import conversions, lines
from labrunner.localcloud.sql.hive.fields import Lazy, display
from labrunner.localcloud.sql.hive.metastore import (
    NULL_PARTITION,
    Format,
    Metastore,
    Partition,
    Table,
)
from labrunner.localcloud.sql.hive.reading import files_of
from labrunner.localcloud.sql.hive.statements import ColumnSpec, TableTarget
from labrunner.localcloud.sql.hive.wording import semantic
from labrunner.localcloud.sql.storage import Address, Storages
from labrunner.localcloud.sql.values import Query, Value

FIRST_FILE = "000000_0"
STRICT = (
    "Dynamic partition strict mode requires at least one static partition column. To turn this "
    "off set hive.exec.dynamic.partition.mode=nonstrict"
)
MAX_PARTITIONS = 1000


@dataclass(frozen=True)
class Staged:
    """A file that waits to be stored: where it will be, and its rows."""

    path: Path
    folder: Address
    rows: int
    values: tuple[str, ...] | None = None


@dataclass
class Writer:
    """Writes the results of queries; nothing is stored before all of them are there."""

    storages: Storages
    engine: Engine
    metastore: Metastore
    staged: list[tuple[Staged, Table | None, bool]] = field(default_factory=list)
    _numbers: int = 0

    def to_directory(self, query: Query, location: Address, found: Format) -> int:
        """Write a query into a directory, whose files go; return the rows."""
        columns = tuple(ColumnSpec(n, t) for n, t in zip(query.names, query.types, strict=True))
        staged = self._file(query.sql, columns, found, location, None)
        self.staged.append((staged, None, True))
        return staged.rows

    def to_table(self, query: Query, table: Table, target: TableTarget, *, strict: bool) -> int:
        """Write a query into a table or its partitions; return the rows; raises SqlError."""
        if table.view:
            raise semantic(10090, "Cannot insert into a view", target.name.place)
        fixed = _fixed(table, target)
        dynamic = [one for one in table.partition_columns if fixed.get(one.name) is None]
        if dynamic and strict and len(dynamic) == len(table.partition_columns):
            raise semantic(10096, STRICT)
        columns = (*table.columns, *dynamic)
        sql = _converted(query, columns, table, target)
        if not dynamic:
            values = tuple(fixed[one.name] or "" for one in table.partition_columns)
            folder = table.location
            if table.partition_columns:
                known = table.find(values)
                folder = known.location if known else table.folder(values)
            staged = self._file(sql, table.columns, table.format, folder, values or None)
            self.staged.append((staged, table, target.overwrite))
            return staged.rows
        return self._dynamic(sql, table, target, fixed, dynamic)

    def _dynamic(
        self,
        sql: str,
        table: Table,
        target: TableTarget,
        fixed: dict[str, str | None],
        dynamic: list[ColumnSpec],
    ) -> int:
        """Write each combination of the last columns' values into a partition of its own."""
        path = self._new(".parquet")
        first = len(table.columns)
        keys = [f"k{i}" for i in range(len(dynamic))]
        texts = [
            f"coalesce(nullif({display(f'c{i}', one.type)}, ''), '{NULL_PARTITION}') AS {key}"
            for i, (one, key) in enumerate(zip(dynamic, keys, strict=True), first)
        ]
        kept = [f"c{i}" for i in range(first)]
        inner = f"SELECT {', '.join([*kept, *texts])} FROM ({sql})"
        self.engine.copy(f"COPY ({inner}) TO {quoting.text(str(path))} (FORMAT parquet)")
        source = f"read_parquet({quoting.text(str(path))})"
        listed = ", ".join(keys)
        combinations = list(
            self.engine.rows(f"SELECT DISTINCT {listed} FROM {source} ORDER BY ALL")
        )
        if len(combinations) > MAX_PARTITIONS:
            raise SqlError(
                "execution", f"The statement makes more than {MAX_PARTITIONS} partitions"
            )
        rows = 0
        for combination in combinations:
            left = iter(combination)
            values = tuple(
                fixed.get(one.name) or str(next(left)) for one in table.partition_columns
            )
            pairs = zip(keys, combination, strict=True)
            where = " AND ".join(f"{key} = {quoting.text(str(v))}" for key, v in pairs)
            known = table.find(values)
            folder = known.location if known else table.folder(values)
            selected = f"SELECT {', '.join(kept) or '1'} FROM {source} WHERE {where}"
            staged = self._file(selected, table.columns, table.format, folder, values)
            self.staged.append((staged, table, target.overwrite))
            rows += staged.rows
        path.unlink(missing_ok=True)
        return rows

    def _file(
        self,
        sql: str,
        columns: tuple[ColumnSpec, ...],
        found: Format,
        folder: Address,
        values: tuple[str, ...] | None,
    ) -> Staged:
        path = self._new(".out")
        target = quoting.text(str(path))
        if found.kind == "parquet":
            cells = ", ".join(f"c{i} AS {quoting.name(c.name)}" for i, c in enumerate(columns))
            rows = self.engine.copy(
                f"COPY (SELECT {cells} FROM ({sql})) TO {target} (FORMAT parquet)"
            )
        else:
            text = _row(found, columns)
            options = lines.write_options()
            rows = self.engine.copy(f"COPY (SELECT {text} AS l FROM ({sql})) TO {target} {options}")
        return Staged(path, folder, rows, values)

    def _new(self, suffix: str) -> Path:
        self._numbers += 1
        return self.engine.file(f"stage-{self._numbers}{suffix}")

    def commit(self) -> None:
        """Store what was written."""
        cleared: set[str] = set()
        partitions: dict[str, tuple[Table, list[Partition]]] = {}
        for staged, table, overwrite in self.staged:
            self.engine.check()
            if overwrite and str(staged.folder) not in cleared:
                self.storages.clear(staged.folder)
            cleared.add(str(staged.folder))
            self.storages.put(staged.folder.child(self._name(staged.folder)), staged.path)
            if table is not None and staged.values is not None:
                found = partitions.setdefault(table.full_name, (table, []))
                found[1].append(Partition(staged.values, staged.folder))
        for table, added in partitions.values():
            self.metastore.set_partitions(table, added)

    def _name(self, folder: Address) -> str:
        taken = {one.address.path.rpartition("/")[2] for one in files_of(self.storages, folder)}
        if FIRST_FILE not in taken:
            return FIRST_FILE
        number = 1
        while f"{FIRST_FILE}_copy_{number}" in taken:
            number += 1
        return f"{FIRST_FILE}_copy_{number}"

    def close(self) -> None:
        """Remove what waits here."""
        for staged, _, _ in self.staged:
            staged.path.unlink(missing_ok=True)


def _fixed(table: Table, target: TableTarget) -> dict[str, str | None]:
    names = [one.name for one in table.partition_columns]
    given = dict(target.partition)
    place = target.name.place
    if names and not given:  # since Hive 3 the partition's columns may be the query's last
        return dict.fromkeys(names)
    if set(given) != set(names):
        missing = next((one for one in names if one not in given), "")
        other = next((one for one in given if one not in names), missing)
        raise semantic(
            10098 if other in names else 10248,
            f"Non-Partition column appears in the partition specification: {other}"
            if other not in names
            else f"Partition column {missing} is missing",
            place,
        )
    seen_dynamic = False
    for one in names:
        if given[one] is None:
            seen_dynamic = True
        elif seen_dynamic:
            raise semantic(
                10094, "Dynamic partition cannot be the parent of a static partition", place
            )
    return given


def _converted(
    query: Query, columns: tuple[ColumnSpec, ...], table: Table, target: TableTarget
) -> str:
    """Return a query whose columns are of a table's types; raises SqlError."""
    wanted: list[ColumnSpec] = list(columns)
    source: list[int | None] = list(range(len(columns)))
    if target.columns:
        names = [one.name for one in columns]
        unknown = [one for one in target.columns if one not in names]
        if unknown:
            text = (
                f"'[{unknown[0]}]' in insert schema specification are not found among regular "
                f"columns of {table.full_name} nor dynamic partition columns."
            )
            raise semantic(0, text, target.name.place)
        order = {name: i for i, name in enumerate(target.columns)}
        source = [order.get(one.name) for one in columns]
    given = len(target.columns) if target.columns else len(columns)
    if len(query.names) != given:
        why = f"Table insclause-0 has {given} columns, but query has {len(query.names)} columns."
        raise _different(target, why)
    cells = []
    for index, (column, place) in enumerate(zip(wanted, source, strict=True)):
        if place is None:
            cells.append(f"CAST(NULL AS {column.type.duckdb}) AS c{index}")
            continue
        value = Value(f"q.c{place}", query.types[place])
        found = conversions.implicit(value, column.type)
        if found is None:
            why = f"Cannot convert column {place} from {value.type} to {column.type}."
            raise _different(target, why)
        cells.append(f"{found.sql} AS c{index}")
    return f"SELECT {', '.join(cells)} FROM ({query.sql}) AS q"


def _different(target: TableTarget, why: str) -> SqlError:
    text = "Cannot insert into target table because column number/types are different"
    return semantic(10044, f"{text} '{target.name}': {why}", target.name.place)


def _row(found: Format, columns: tuple[ColumnSpec, ...]) -> str:
    """Return the text of a row as SQL; raises SqlError where a SerDe does not write."""
    values = [(f"c{i}", one.type) for i, one in enumerate(columns)]
    if found.kind == "text":
        return Lazy(found.properties).line(values)
    if found.kind == "csv":
        given = found.properties
        between, quote, escape = (
            given.get(n, d)[:1]
            for n, d in (("separatorChar", ","), ("quoteChar", '"'), ("escapeChar", "\\"))
        )
        cells = []
        for sql, kind in values:
            text = conversions.to_string(Value(sql, kind)) if kind != STRING else Value(sql, STRING)
            assert text is not None
            inner = text.sql
            for mark in dict.fromkeys((escape, quote)):
                inner = f"replace({inner}, {quoting.text(mark)}, {quoting.text(escape + mark)})"
            cells.append(f"coalesce({quoting.text(quote)} || {inner} || {quoting.text(quote)}, '')")
        return f" || {quoting.text(between)} || ".join(cells)
    if found.kind == "regex":
        raise SqlError("execution", "Regex SerDe doesn't support the serialize() method")
    raise unsupported("Writing to Hive's tables of JSON")
