# ruff: noqa: S608 - the SQL is made of our own names and of quoted texts
"""Tables as relations: their files are brought here, and read by DuckDB as their SerDe would."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.datatypes import Type
from labrunner.localcloud.sql.engine import Engine
from labrunner.localcloud.sql.errors import SqlError, unsupported
from labrunner.localcloud.sql.hive import jsonfields, lines
from labrunner.localcloud.sql.hive.fields import Lazy, strict
from labrunner.localcloud.sql.hive.metastore import NULL_PARTITION, Format, Partition, Table
from labrunner.localcloud.sql.hive.statements import ColumnSpec
from labrunner.localcloud.sql.javaregex import for_re2
from labrunner.localcloud.sql.storage import Address, Entry, Storages
from labrunner.localcloud.sql.values import Query

HIDDEN = ("_", ".")


@dataclass
class Scans:
    """The tables that one statement reads; each is brought here once, by `prepare`."""

    storages: Storages
    engine: Engine
    read: dict[str, int] = field(default_factory=dict)
    _wanted: dict[str, Table] = field(default_factory=dict)
    _made: set[str] = field(default_factory=set)
    _files: list[Path] = field(default_factory=list)

    def table(self, table: Table) -> Query:
        """Return a table as a query over a view that `prepare` makes."""
        names = [name for name, one in self._wanted.items() if one is table]
        name = names[0] if names else f"scan{len(self._wanted)}"
        self._wanted[name] = table
        return Query(
            f"SELECT * FROM {name}",
            tuple(one.name for one in table.all_columns),
            tuple(one.type for one in table.all_columns),
        )

    def prepare(self) -> None:
        """Bring the tables here that were asked for; raises SqlError."""
        for name, table in self._wanted.items():
            if name not in self._made:
                self.engine.run(f"CREATE TEMPORARY VIEW {name} AS {self._scan(table)}")
                self._made.add(name)

    def close(self) -> None:
        """Remove what was brought here."""
        for one in self._made:
            self.engine.drop_view(one)
        for path in self._files:
            path.unlink(missing_ok=True)

    def _scan(self, table: Table) -> str:
        self.read.setdefault(table.full_name, 0)
        types = tuple(one.type for one in table.all_columns)
        partitions: list[Partition | None] = list(table.partitions)
        if not table.partition_columns:
            partitions = [None]
        parts = []
        for one in partitions:
            files = files_of(self.storages, one.location if one else table.location)
            if not files:
                continue
            constants = self._constants(table, one)
            parts.append(self._part(table, files) + constants)
        if not parts:
            nothing = ", ".join(f"CAST(NULL AS {k.duckdb}) AS c{i}" for i, k in enumerate(types))
            return f"SELECT {nothing} WHERE false"
        return " UNION ALL ".join(f"SELECT {part[1]}{part[2]} FROM {part[0]}" for part in parts)

    def _constants(self, table: Table, partition: Partition | None) -> tuple[str]:
        if partition is None:
            return ("",)
        found = []
        first = len(table.columns)
        pairs = zip(table.partition_columns, partition.values, strict=True)
        for index, (column, value) in enumerate(pairs, first):
            text = "NULL" if value == NULL_PARTITION else quoting.text(value)
            sql = Lazy({}).read(f"CAST({text} AS VARCHAR)", column.type)
            found.append(f", {sql} AS c{index}")
        return ("".join(found),)

    def _part(self, table: Table, files: list[Entry]) -> tuple[str, str]:
        """Return where the columns of some files come from, and the columns."""
        readers: dict[str, Callable[[Table, list[Entry]], tuple[str, list[str]]]] = {
            "text": self._text,
            "regex": self._regex,
            "csv": self._csv,
            "json": self._json,
            "parquet": self._parquet,
        }
        source, columns = readers[table.format.kind](table, files)
        return source, ", ".join(f"{sql} AS c{i}" for i, sql in enumerate(columns))

    def _lines(self, table: Table, files: list[Entry]) -> str:
        skip = _number(table, "skip.header.line.count")
        if _number(table, "skip.footer.line.count"):
            raise unsupported("Hive's skip.footer.line.count")
        found = []
        for entry in files:
            target = self._new(".txt")
            count = lines.fetch(self.storages, entry.address, target, skip, self.engine.check)
            self.read[table.full_name] += count
            found.append(target)
        return lines.scan(found)

    def _new(self, suffix: str) -> Path:
        target = self.engine.file(f"scan-{len(self._files)}{suffix}")
        self._files.append(target)
        return target

    def _text(self, table: Table, files: list[Entry]) -> tuple[str, list[str]]:
        lazy = Lazy(table.format.properties)
        source = f"(SELECT {lazy.split('l')} AS p FROM {self._lines(table, files)})"
        columns = [lazy.read(f"p[{i}]", one.type) for i, one in enumerate(table.columns, 1)]
        return source, columns

    def _regex(self, table: Table, files: list[Entry]) -> tuple[str, list[str]]:
        source, fields = matched(table.format, len(table.columns), self._lines(table, files))
        types = [one.type for one in table.columns]
        columns = [
            strict(text, kind) if text else f"CAST(NULL AS {kind.duckdb})"
            for text, kind in zip(fields, types, strict=True)
        ]
        return source, columns

    def _csv(self, table: Table, files: list[Entry]) -> tuple[str, list[str]]:
        given = table.format.properties
        marks = [given.get(n, d)[:1] for n, d in CSV_MARKS]
        arguments = ", ".join(map(quoting.text, marks))
        source = f"(SELECT java_csv(l, {arguments}) AS p FROM {self._lines(table, files)})"
        return source, [f"p[{i}]" for i in range(1, len(table.columns) + 1)]

    def _json(self, table: Table, files: list[Entry]) -> tuple[str, list[str]]:
        names = [one.name for one in table.columns]
        lenient = table.format.properties.get("ignore.malformed.json", "false").lower() == "true"
        keys = quoting.texts(names)
        source = (
            f"(SELECT java_json_row(l, {keys}, {lenient}) AS p FROM {self._lines(table, files)})"
        )
        columns = [jsonfields.read(f"p[{i}]", one.type) for i, one in enumerate(table.columns, 1)]
        return source, columns

    def _parquet(self, table: Table, files: list[Entry]) -> tuple[str, list[str]]:
        selects = []
        for entry in files:
            if entry.size == 0:
                continue
            target = self._new(".parquet")
            lines.copy(self.storages, entry.address, target)
            selects.append(self._parquet_file(table, target))
        columns = [f"k{i}" for i in range(len(table.columns))]
        if not selects:
            nothing = ", ".join(
                f"CAST(NULL AS {one.type.duckdb}) AS k{i}" for i, one in enumerate(table.columns)
            )
            return f"(SELECT {nothing} WHERE false)", columns
        return f"({' UNION ALL '.join(selects)})", columns

    def _parquet_file(self, table: Table, path: Path) -> str:
        source = f"read_parquet({quoting.text(str(path))})"
        schema = {
            str(row[0]).lower(): (str(row[0]), str(row[1]))
            for row in self.engine.rows(f"DESCRIBE SELECT * FROM {source}")
        }
        count = next(iter(self.engine.rows(f"SELECT count(*) FROM {source}")))[0]
        self.read[table.full_name] += int(count)
        columns = []
        for index, one in enumerate(table.columns):
            kind = one.type.duckdb
            if one.name not in schema:
                columns.append(f"CAST(NULL AS {kind}) AS k{index}")
                continue
            name, found = schema[one.name]
            own = next(self.engine.rows(f"SELECT typeof(CAST(NULL AS {kind}))"))[0]
            if not _parquet_fits(found, str(own), one.type):
                text = f"The column {one.name} of {table.full_name} is {one.type}, but {found}"
                raise SqlError("execution", f"{text} in Parquet")
            columns.append(f"CAST({quoting.name(name)} AS {kind}) AS k{index}")
        return f"SELECT {', '.join(columns)} FROM {source}"


CSV_MARKS = (("separatorChar", ","), ("quoteChar", '"'), ("escapeChar", "\\"))
WIDER = {
    "SMALLINT": ("TINYINT",),
    "INTEGER": ("TINYINT", "SMALLINT"),
    "BIGINT": ("TINYINT", "SMALLINT", "INTEGER"),
    "DOUBLE": ("FLOAT",),
    "TIMESTAMP": ("TIMESTAMP WITH TIME ZONE",),
}


def _parquet_fits(found: str, kind: str, wanted: Type) -> bool:
    if found == kind or found in WIDER.get(kind, ()):
        return True
    return wanted.name == "decimal" and found.startswith("DECIMAL")


def _number(table: Table, name: str) -> int:
    text = table.properties.get(name, "0").strip()
    if not text.isdecimal():
        raise SqlError(
            "execution", f"The property {name} of {table.full_name} is no number: {text}"
        )
    return int(text)


def files_of(storages: Storages, location: Address) -> list[Entry]:
    """Return the files of a table's folder; raises SqlError where there are folders in it."""
    found = []
    for entry in storages.files(location):
        inside = entry.address.path.removeprefix(location.folder)
        name = inside.rpartition("/")[2]
        if not name or any(part.startswith(HIDDEN) for part in inside.split("/")):
            continue
        if "/" in inside and entry.address.path != location.path:
            raise SqlError("execution", f"Not a file: {location}/{inside.partition('/')[0]}")
        found.append(entry)
    return found


def matched(found: Format, count: int, source: str) -> tuple[str, list[str]]:
    """Return a relation of what RegexSerDe finds in lines, and the SQL of each group's text."""
    pattern = found.properties["input.regex"]
    if found.properties.get("input.regex.case.insensitive", "false").lower() == "true":
        pattern = f"(?i){pattern}"
    guarded = for_re2(pattern)
    wanted = range(1, count + 1)
    if guarded is None or not guarded.surely.issuperset(range(1, min(count, guarded.groups) + 1)):
        inner = f"(SELECT java_groups(l, {quoting.text(pattern)}) AS p FROM {source})"
        return inner, [f"p[{i}]" for i in wanted]
    names = [f"g{i}" for i in range(1, guarded.groups + 1)]
    whole = quoting.text(rf"\A(?:{guarded.pattern})\z")
    conditions = [f"NOT regexp_matches(l, {quoting.text(one)})" for one in guarded.without]
    if guarded.wide and names:
        # A group that is never empty is empty where the pattern does not match.
        conditions.append(f"p['g{min(guarded.wide)}'] <> ''")
    else:
        conditions.append(f"regexp_matches(l, {whole})")
    groups = f"regexp_extract(l, {whole}, {quoting.texts(names)})" if names else "NULL"
    inner = f"(SELECT l, {groups} AS p FROM {source})"
    test = " AND ".join(conditions)
    inner = f"(SELECT p, {test} AS matches FROM {inner})"
    fields = [
        f"CASE WHEN matches THEN p['g{i}'] END" if i <= guarded.groups else "" for i in wanted
    ]
    return inner, fields


def of_partition(column: ColumnSpec, value: str) -> str:
    """Return a partition's value as its column has it in a path: numbers without zeros before."""
    if column.type.is_integer and value.lstrip("+-").isdecimal():
        return str(int(value))
    return value
