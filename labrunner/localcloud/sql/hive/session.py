"""A Hive session: runs scripts, as the hive command does with -f."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import Type
from labrunner.localcloud.sql.engine import Engine
from labrunner.localcloud.sql.errors import Place, SqlError, unsupported
from labrunner.localcloud.sql.hive import macros, printing
from labrunner.localcloud.sql.hive.dialect import hive
from labrunner.localcloud.sql.hive.formats import format_of
from labrunner.localcloud.sql.hive.metastore import Metastore, Table
from labrunner.localcloud.sql.hive.parser import parse_statement
from labrunner.localcloud.sql.hive.parsing import parse_query
from labrunner.localcloud.sql.hive.reading import Scans
from labrunner.localcloud.sql.hive.script import Piece, Variables, pieces
from labrunner.localcloud.sql.hive.statements import (
    AddColumns,
    AddPartitions,
    CreateDatabase,
    CreateTable,
    CreateView,
    Describe,
    DirectoryTarget,
    Drop,
    DropPartitions,
    Inserts,
    Load,
    Name,
    RenameTable,
    Repair,
    Select,
    SetLocation,
    SetProperties,
    SetVariable,
    Show,
    Statement,
    Subquery,
    TableTarget,
    Truncate,
    Use,
)
from labrunner.localcloud.sql.hive.tables import Tables
from labrunner.localcloud.sql.hive.valueslist import values_query
from labrunner.localcloud.sql.hive.writing import Writer
from labrunner.localcloud.sql.storage import Storages
from labrunner.localcloud.sql.values import Node, Query

# Settings that change results; what is not their default here is refused.
FIXED = {
    "hive.support.quoted.identifiers": "column",
    "hive.int.timestamp.conversion.in.seconds": "false",
    "hive.groupby.position.alias": "false",
    "hive.orderby.position.alias": "true",
    "hive.groupby.orderby.position.alias": "false",
    "hive.strict.checks.type.safety": "true",
    "hive.local.time.zone": "utc",
    "hive.exec.compress.output": "false",
    "mapreduce.output.fileoutputformat.compress": "false",
    "mapred.output.compress": "false",
    "hive.default.fileformat": "textfile",
    "hive.default.fileformat.managed": "none",
    "hive.exec.default.partition.name": "__hive_default_partition__",
    "hive.mapred.mode": "nonstrict",
    "hive.variable.substitute": "true",
}
HEADER = "hive.cli.print.header"
DYNAMIC = "hive.exec.dynamic.partition.mode"
MAX_VIEWS = 32


@dataclass(frozen=True)
class Result:
    """What a statement gave.

    `lines` are the rows as the hive command prints them and can be read once, while `on_result`
    runs; `names` and `types` are those of a query. `rows_read` counts the records of each table.
    """

    statement: str
    place: Place
    lines: Iterator[str]
    names: tuple[str, ...] = ()
    types: tuple[Type, ...] = ()
    rows_read: Mapping[str, int] = field(default_factory=dict)
    rows_written: int = 0
    is_query: bool = False


OnResult = Callable[[Result], None]


class HiveSession:
    """Runs the statements of scripts, one after the other, on one metastore.

    `work_dir` gets a private directory that goes when the session is closed. `cancel` may be
    called from another thread; everything else belongs to one.
    """

    def __init__(  # noqa: PLR0913 - what a cluster gives it
        self,
        metastore: Metastore,
        storages: Storages,
        work_dir: Path,
        variables: Variables | None = None,
        *,
        memory_mib: int = 512,
        threads: int = 2,
    ) -> None:
        self.variables = variables or Variables()
        self._storages = storages
        self._engine = Engine(work_dir, macros.install, memory_mib=memory_mib, threads=threads)
        self._tables = Tables(metastore, storages, self._engine.directory)
        self._metastore = metastore
        self._lock = threading.Lock()
        self._read: Mapping[str, int] = {}

    @property
    def rows_read(self) -> Mapping[str, int]:
        """Records of each table that the statement under way has read so far, or the last one."""
        return dict(self._read)

    def run_script(self, script: str, on_result: OnResult) -> None:
        """Run a script and report each statement's result; raises SqlError at the first failure."""
        with self._lock:
            for name, value in self.variables.hiveconf.items():
                _check_setting(name, value)
            for piece in pieces(script):
                self._run(piece, on_result)

    def cancel(self) -> None:
        """End what runs and everything after it; the script fails as cancelled."""
        self._engine.cancel()

    def close(self) -> None:
        """Remove the session's files."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, piece: Piece, on_result: OnResult) -> None:
        try:
            text = self.variables.substitute(piece.text)
            statement = parse_statement(text)
            scans = Scans(self._storages, self._engine)
            self._read = scans.read
            try:
                self._engine.check()
                self._perform(statement, text, piece, scans, on_result)
            finally:
                scans.close()
        except SqlError as error:
            raise error.within(piece.place, piece.text) from error.__cause__

    def _perform(
        self, statement: Statement, text: str, piece: Piece, scans: Scans, on_result: OnResult
    ) -> None:
        if isinstance(statement, Select):
            self._select(statement, text, piece, scans, on_result)
            return
        written, lines = 0, []
        if isinstance(statement, Inserts):
            written = self._insert(statement, scans)
        elif isinstance(statement, CreateTable) and statement.query is not None:
            written = self._create_from_query(statement, scans)
        elif isinstance(statement, CreateView):
            self._create_view(statement, scans)
        elif isinstance(statement, SetVariable):
            lines = self._set(statement)
        else:
            lines = self._change(statement)
        on_result(
            Result(text, piece.place, iter(lines), rows_read=dict(scans.read), rows_written=written)
        )

    def _change(  # noqa: C901, PLR0912 - a statement a case
        self, statement: Statement
    ) -> list[str]:
        """Run a statement of the metastore; return the lines it prints."""
        tables = self._tables
        match statement:
            case CreateTable():
                tables.create_table(statement)
            case CreateDatabase():
                tables.create_database(statement)
            case Drop():
                tables.drop(statement)
            case Use():
                tables.use(statement.database)
            case Show():
                return self._show(statement)
            case Describe():
                return tables.describe(statement)
            case AddPartitions():
                tables.add_partitions(statement)
            case DropPartitions():
                tables.drop_partitions(statement)
            case RenameTable():
                tables.rename(statement)
            case AddColumns():
                tables.add_columns(statement)
            case SetLocation():
                tables.set_location(statement)
            case SetProperties():
                tables.set_properties(statement)
            case Repair():
                return tables.repair(statement)
            case Truncate():
                tables.truncate(statement)
            case Load():
                tables.load(statement)
            case _:
                raise unsupported(f"Hive's {type(statement).__name__}")
        return []

    def _show(self, statement: Show) -> list[str]:
        if statement.what == "FUNCTIONS":
            from labrunner.localcloud.sql.hive.metastore import matches

            dialect = hive()
            names = {*dialect.functions, *dialect.aggregates, *dialect.generators}
            return [one for one in sorted(names) if matches(one, statement.pattern)]
        return self._tables.show(statement)

    # ---- queries

    def compile(self, query: Subquery, scans: Scans) -> Query:
        """Compile the text of a query; raises SqlError."""
        try:
            tree = parse_query(query.text)
            found = Compiler(hive(), _Catalog(self, scans)).query(tree)
            if any(one.name == "interval" for one in found.types):
                raise unsupported("Hive's interval as a column")
        except SqlError as error:
            raise error.within(query.place, query.text) from error.__cause__
        except RecursionError:
            raise SqlError("unsupported", "A query this deep is not supported") from None
        return found

    def table(self, parts: tuple[str, ...], scans: Scans, depth: int) -> Query | None:
        """Return a table or view as a query."""
        if len(parts) > 2:  # noqa: PLR2004 - database and table
            return None
        place = Place(1, 0)
        name = Name(parts[0], parts[1], place) if len(parts) > 1 else Name("", parts[0], place)
        found = self._tables.find(name)
        if found is None:
            return None
        if not found.view:
            return scans.table(found)
        if depth > MAX_VIEWS:
            raise SqlError("semantic", f"FAILED: SemanticException Recursive view {name} detected")
        return self._view(found, scans, depth)

    def _view(self, table: Table, scans: Scans, depth: int) -> Query:
        current = self._tables.database
        self._tables.database = table.database
        try:
            compiler = Compiler(hive(), _Catalog(self, scans, depth + 1))
            query = compiler.query(parse_query(table.view))
        finally:
            self._tables.database = current
        if len(query.names) != len(table.columns):
            text = (
                f"FAILED: SemanticException The tables of the view {table.full_name} have changed"
            )
            raise SqlError("semantic", text)
        return replace(query, names=tuple(one.name for one in table.columns))

    def _select(
        self, statement: Select, text: str, piece: Piece, scans: Scans, on_result: OnResult
    ) -> None:
        query = self.compile(statement.query, scans)
        scans.prepare()
        rows = self._engine.rows(query.sql)
        result = Result(
            text,
            piece.place,
            self._printed(query, rows),
            query.names,
            query.types,
            scans.read,
            is_query=True,
        )
        on_result(result)
        for _ in rows:
            pass  # what nobody read must still fail if it fails

    def _printed(self, query: Query, rows: Iterator[tuple[Any, ...]]) -> Iterator[str]:
        if self.variables.hiveconf.get(HEADER, "false").lower() == "true":
            yield "\t".join(query.names)
        for row in rows:
            yield printing.line(row, query.types)

    # ---- writing

    def _source(self, query: Subquery, scans: Scans) -> Query:
        if query.text[:6].upper() == "VALUES":
            try:
                return values_query(query.text, Compiler(hive(), _Catalog(self, scans)))
            except SqlError as error:
                raise error.within(query.place, query.text) from error.__cause__
        return self.compile(query, scans)

    def _insert(self, statement: Inserts, scans: Scans) -> int:
        writer = Writer(self._storages, self._engine, self._metastore)
        rows = 0
        try:
            for one in statement.inserts:
                rows += self._write(writer, one.target, one.query, scans)
            writer.commit()
        finally:
            writer.close()
        return rows

    def _write(
        self, writer: Writer, target: TableTarget | DirectoryTarget, query: Subquery, scans: Scans
    ) -> int:
        if isinstance(target, DirectoryTarget):
            location = self._storages.address(target.path)
            found = format_of(target.format, ())
            source = self.compile(query, scans)
            scans.prepare()
            return writer.to_directory(source, location, found)
        table = self._tables.get(target.name)
        if target.if_not_exists and table.partition_columns:
            values = self._tables.values(table, target.partition)
            if table.find(values) is not None:
                return 0
        strict = self.variables.hiveconf.get(DYNAMIC, "strict").lower() != "nonstrict"
        source = self._source(query, scans)
        scans.prepare()
        return writer.to_table(source, table, target, strict=strict)

    def _create_from_query(self, statement: CreateTable, scans: Scans) -> int:
        assert statement.query is not None
        if self._tables.find(statement.name) is not None and statement.if_not_exists:
            return 0
        query = self.compile(statement.query, scans)
        table = self._tables.create_table(statement, query)
        if table is None:
            return 0
        scans.prepare()
        target = TableTarget(statement.name, overwrite=True)
        writer = Writer(self._storages, self._engine, self._metastore)
        try:
            rows = writer.to_table(query, table, target, strict=True)
            writer.commit()
        except SqlError:
            self._metastore.remove(table)
            raise
        finally:
            writer.close()
        return rows

    def _create_view(self, statement: CreateView, scans: Scans) -> None:
        query = self.compile(statement.query, scans)
        names = statement.columns or query.names
        if len(names) != len(query.names):
            text = "FAILED: SemanticException [Error 10092]: The number of columns produced by the "
            raise SqlError("semantic", text + "SELECT clause does not match the number of columns")
        if statement.replaces:
            current = self._tables.find(statement.name)
            if current is not None and current.view:
                self._metastore.remove(current)
        columns = Query(query.sql, tuple(names), query.types)
        created = CreateTable(
            statement.name,
            if_not_exists=statement.if_not_exists,
            comment=statement.comment,
            query=statement.query,
        )
        table = self._tables.create_table(created, columns)
        if table is not None:
            self._metastore.put(replace(table, view=statement.query.text))

    # ---- variables

    def _set(self, statement: SetVariable) -> list[str]:
        if not statement.name:
            pairs = [*self.variables.hiveconf.items()]
            pairs += [(f"hivevar:{n}", v) for n, v in self.variables.hivevar.items()]
            return [f"{name}={value}" for name, value in sorted(pairs)]
        found = self.variables.space(statement.name)
        if found is None:
            raise unsupported(f"Hive's variable {statement.name}")
        space, name = found
        if statement.value is None:
            known = FIXED.get(name) if space is self.variables.hiveconf else None
            value = space.get(name, known)
            shown = statement.name
            return [f"{shown} is undefined" if value is None else f"{shown}={value}"]
        if space is self.variables.hiveconf:
            _check_setting(name, statement.value)
        space[name] = statement.value
        return []


def _check_setting(name: str, value: str) -> None:
    fixed = FIXED.get(name)
    if fixed is not None and value.lower() != fixed:
        raise unsupported(f"Hive's setting {name}={value}")


class _Catalog:
    """The tables that one statement's queries name."""

    def __init__(self, session: HiveSession, scans: Scans, depth: int = 0) -> None:
        self._session = session
        self._scans = scans
        self._depth = depth

    def find(self, parts: tuple[str, ...], node: Node) -> Query | None:
        """Return a table or view as a query, None if there is none."""
        del node
        return self._session.table(parts, self._scans, self._depth)
