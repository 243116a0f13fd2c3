# ruff: noqa: S608 - the SQL is made of our own names and of quoted texts
"""COPY: loads files of S3 into a table, all of them or nothing.

DuckDB reads what is plain. What it cannot, or what is not, is read here record by record, which
finds every error with its line and column.
"""

import contextlib
import itertools
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import BIGINT, STRING, Type
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.redshift import conversions, copyoptions, staging, types
from labrunner.localcloud.sql.redshift.catalog import Catalog, Column, Relation
from labrunner.localcloud.sql.redshift.changes import Changes
from labrunner.localcloud.sql.redshift.copyoptions import Copy
from labrunner.localcloud.sql.redshift.fields import FieldError, Fields
from labrunner.localcloud.sql.redshift.lake import Lake, Store
from labrunner.localcloud.sql.redshift.records import Record, records
from labrunner.localcloud.sql.redshift.results import Result
from labrunner.localcloud.sql.redshift.staging import Staged
from labrunner.localcloud.sql.redshift.tables import Tables
from labrunner.localcloud.sql.redshift.warehouse import Connection, Warehouse
from labrunner.localcloud.sql.redshift.wording import RedshiftError
from labrunner.localcloud.sql.values import Value

NEVER = "\x01\x02\x01"  # a text that DuckDB may take for NULL, as no file has it
MAX_LINE = 4 << 20
SHOWN = 1024
ERRORS_KEPT = 100
PIECE = 100_000  # lines
FAIL = "rs_fail_('COPY0', '')"


@dataclass(frozen=True)
class Bad:
    """A record that was not loaded."""

    address: str
    record: Record
    error: FieldError


@dataclass
class Loading:
    """One COPY while it runs."""

    copy: Copy
    table: Relation
    columns: tuple[Column, ...]
    files: list[Staged]
    number: int
    transaction: int
    started: datetime


class Loader:
    """Runs COPY for a session."""

    def __init__(
        self,
        warehouse: Warehouse,
        connection: Connection,
        catalog: Catalog,
        lake: Lake,
        restart: Callable[[], None] | None,
    ) -> None:
        self._warehouse = warehouse
        self._connection = connection
        self._catalog = catalog
        self._lake = lake
        # Begins the transaction anew; there is none where it has more in it than this COPY.
        self._restart = restart

    def run(self, text: str, number: int, transaction: int, compiler: Compiler) -> Result:
        """Run a COPY; raises SqlError."""
        copy = copyoptions.parse_copy(text)
        started = datetime.now(UTC).replace(tzinfo=None)
        table = self._catalog.table(copy.table)
        self._catalog.expect_allowed(table, "INSERT")
        columns = self._columns(copy, table)
        store = self._lake.store(copy.access.role, self._catalog.facts.user)
        self._expect_region(copy, store)
        entries = staging.sources(copy, store)
        directory = Path(tempfile.mkdtemp(prefix="copy-", dir=self._warehouse.directory))
        try:
            files = [
                staging.stage(
                    copy if copy.format not in ("PARQUET", "JSON") else replace(copy, skip=0),
                    one, store, directory / f"f{index}", self._connection.check,
                )
                for index, one in enumerate(entries)
            ]  # fmt: skip
            loading = Loading(copy, table, columns, files, number, transaction, started)
            changes = Changes(
                self._catalog, Tables(self._warehouse, self._connection, self._catalog), compiler
            )
            rows, bad = self._load(loading, changes, directory)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        self._log(loading, rows, bad, "completed")
        notices = [
            f"Load into table '{table.name}' completed, {rows} record(s) loaded successfully."
        ]
        if bad:
            text = (
                f"Load into table '{table.name}' completed, {len(bad)} record(s) could not be "
                "loaded.  Check 'stl_load_errors' system table for details."
            )
            notices.insert(0, text)
        return Result("COPY", count=rows, notices=tuple(notices))

    def _columns(self, copy: Copy, table: Relation) -> tuple[Column, ...]:
        named = [table.column(name, copy.table.place) for name in copy.columns]
        found = named or list(table.columns)
        if copy.explicit_ids:
            return tuple(found)
        if any(one.is_generated for one in named):
            text = "COPY of an identity column needs EXPLICIT_IDS"
            raise RedshiftError("42601", text)
        return tuple(one for one in found if not one.is_generated)

    def _expect_region(self, copy: Copy, store: Store) -> None:
        wanted = copy.access.region or self._lake.region
        actual = store.region(copy.source.place)
        if not actual:
            text = (
                "S3ServiceException:The specified bucket does not exist,Status 404,Error "
                f"NoSuchBucket (bucket {copy.source.place})"
            )
            raise RedshiftError("XX000", text, kind="execution")
        if actual != wanted:
            text = (
                "S3ServiceException:The bucket you are attempting to access must be addressed "
                "using the specified endpoint. Please send all future requests to this "
                "endpoint.,Status 301,Error "
                f"PermanentRedirect (bucket {copy.source.place} is in {actual})"
            )
            hint = f"Add REGION '{actual}' to the COPY command."
            raise RedshiftError("XX000", text, hint=hint, kind="execution")

    # ---- loading

    def _load(self, loading: Loading, changes: Changes, directory: Path) -> tuple[int, list[Bad]]:
        if loading.copy.format == "PARQUET":
            return self._parquet(loading, changes), []
        if self._is_plain(loading):
            rows = self._fast(loading, changes)
            if rows is not None:
                return rows, []
        return self._carefully(loading, changes, directory)

    @staticmethod
    def _is_plain(loading: Loading) -> bool:
        copy, files = loading.copy, loading.files
        if copy.format == "JSON" or copy.escape or copy.remove_quotes or copy.fill_record:
            return False
        if copy.accept_invalid or copy.date_format not in ("", "auto") or copy.trim_blanks:
            return False
        if copy.time_format not in ("", "auto") or copy.round_decimals:
            return False
        if any(one.has_blank_lines or one.has_cr for one in files):
            return False
        return (
            copy.format == "TEXT" or not any(one.has_quotes for one in files) or copy.quote == '"'
        )

    def _fast_source(self, loading: Loading) -> str:
        """Return the files' rows with their fields converted; what is doubtful fails."""
        copy = loading.copy
        listed = quoting.texts([str(one.path) for one in loading.files if one.lines])
        names = ", ".join(f"'f{i}': 'VARCHAR'" for i in range(len(loading.columns)))
        quote = quoting.text(copy.quote) if copy.format == "CSV" else "''"
        options = (
            f"columns={{{names}}}, delim={quoting.text(copy.delimiter)}, quote={quote}, "
            f"escape={quote}, header=false, auto_detect=false, nullstr='{NEVER}', "
            f"strict_mode=true, null_padding=false, new_line='\\n', compression='none', "
            f"max_line_size={MAX_LINE}"
        )
        values = ", ".join(
            f"{_fast(f'f{i}', one, copy)} AS c{i}" for i, one in enumerate(loading.columns)
        )
        return f"SELECT {values} FROM read_csv({listed}, {options})"

    def _fast(self, loading: Loading, changes: Changes) -> int | None:
        """Load by DuckDB alone; None where a row is not plain, and nothing was loaded."""
        lines = sum(one.lines for one in loading.files)
        if not lines:
            return None
        source = self._fast_source(loading)
        if self._restart is None and not self._converts(source):
            return None
        try:
            rows = self._connection.count(self._into(loading, changes, source))
        except SqlError as error:
            if error.kind == "cancelled" or self._restart is None:
                raise
            self._restart()
            return None
        quoted = any(one.has_quotes for one in loading.files)
        if rows != lines and (loading.copy.format == "TEXT" or not quoted):
            if self._restart is None:
                raise RedshiftError("XX000", f"{rows} rows of {lines} lines", kind="execution")
            self._restart()
            return None
        return rows

    def _converts(self, source: str) -> bool:
        """Whether every row converts; asked beside the transaction, which an error would end."""
        other = Connection(self._warehouse)
        try:
            other.all(f"SELECT count(hash(s)) FROM ({source}) AS s")
        except SqlError:
            return False
        finally:
            other.close()
        return True

    def _into(self, loading: Loading, changes: Changes, source: str) -> str:
        values = [Value(f"s.c{i}", one.type) for i, one in enumerate(loading.columns)]
        return changes.into(loading.table, loading.columns, source, values, "s")

    def _carefully(
        self, loading: Loading, changes: Changes, directory: Path
    ) -> tuple[int, list[Bad]]:
        bad_line = self._find_bad(loading, directory)
        if bad_line is not None:
            raise self._failed(loading, [bad_line])
        fields = Fields(loading.copy, loading.columns)
        target, bad, rows = directory / "ready", [], 0
        with target.open("w", encoding="utf-8", newline="") as out:
            target.chmod(0o600)
            for file in loading.files:
                for record in records(file.path, loading.copy, loading.columns):
                    if rows % 4096 == 0:
                        self._connection.check()
                    try:
                        if record.error is not None:
                            raise record.error
                        values = fields.line(record.fields)
                    except FieldError as error:
                        bad.append(Bad(str(file.address), record, error))
                        if len(bad) > loading.copy.max_errors:
                            raise self._failed(loading, bad) from None
                        continue
                    out.write(",".join(map(_written, values)) + "\n")
                    rows += 1
        if not rows:
            return 0, bad
        return self._connection.count(self._into(loading, changes, _ready(target, loading))), bad

    def _find_bad(self, loading: Loading, directory: Path) -> Bad | None:
        """Return the first bad line of large plain files, which DuckDB searches piece by piece.

        None where there may be one that only reading every line tells.
        """
        copy = loading.copy
        quoted = any(one.has_quotes for one in loading.files) and copy.format == "CSV"
        lines = sum(one.lines for one in loading.files)
        if lines <= PIECE or copy.max_errors or quoted or not self._is_plain(loading):
            return None
        fields = Fields(copy, loading.columns)
        path = directory / "piece"
        for file in loading.files:
            at = 0
            with file.path.open("rb") as stream:
                while piece := list(itertools.islice(stream, PIECE)):
                    self._connection.check()
                    path.write_bytes(b"".join(piece))
                    part = replace(file, path=path, lines=len(piece))
                    if not self._converts(self._fast_source(replace(loading, files=[part]))):
                        moved = replace(copy, skip=copy.skip + at)
                        for record in records(path, moved, loading.columns):
                            try:
                                if record.error is None:
                                    fields.line(record.fields)
                            except FieldError as error:
                                return Bad(str(file.address), record, error)
                            if record.error is not None:
                                return Bad(str(file.address), record, record.error)
                    at += len(piece)
        return None

    def _failed(self, loading: Loading, bad: Sequence[Bad]) -> SqlError:
        self._log(loading, 0, bad, "aborted")
        text = (
            f"Load into table '{loading.table.name}' failed.  Check 'sys_load_error_detail' system "
            "table for details."
        )
        return RedshiftError("XX000", text, kind="execution")

    # ---- Parquet

    def _parquet(self, loading: Loading, changes: Changes) -> int:
        listed = quoting.texts([str(one.path) for one in loading.files])
        try:
            found = self._connection.all(f"DESCRIBE SELECT * FROM read_parquet({listed})")
        except SqlError as error:
            text = f"Spectrum Scan Error: {loading.copy.source} is no valid Parquet file"
            raise RedshiftError("XX000", text, detail=error.message, kind="execution") from None
        columns = loading.columns
        if len(found) != len(columns):
            text = (
                f"Spectrum Scan Error: Unmatched number of columns between table and file. Table "
                f"columns: {len(columns)}, Data columns: {len(found)}"
            )
            raise RedshiftError("XX000", text, kind="execution")
        values = []
        for (name, kind, *_), column in zip(found, columns, strict=True):
            fitted = _of_parquet(str(name), str(kind), column)
            if fitted is None:
                text = (
                    f"Spectrum Scan Error: File '{loading.files[0].address}' has an incompatible "
                    f"Parquet schema for column '{column.name}'. Column type: "
                    f"{types.name(column.type).upper()}, Parquet schema: {kind}"
                )
                raise RedshiftError("XX000", text, kind="execution")
            values.append(fitted)
        source = f"SELECT * FROM read_parquet({listed})"
        return self._connection.count(changes.into(loading.table, columns, source, values, "s"))

    # ---- the log

    def _log(self, loading: Loading, rows: int, bad: Sequence[Bad], status: str) -> None:
        facts, table = self._catalog.facts, loading.table
        now = datetime.now(UTC).replace(tzinfo=None)
        size = sum(one.size for one in loading.files)
        head = [facts.user_id, loading.number]
        log = self._warehouse.cursor()
        with contextlib.closing(log):
            log.execute("BEGIN TRANSACTION")
            if status == "completed":
                for one in loading.files:
                    wrong = sum(b.address == str(one.address) for b in bad)
                    log.execute(
                        "INSERT INTO log.load_files VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)",
                        [*head, table.oid, str(one.address), one.size, one.lines, wrong, now],
                    )
            log.execute(
                f"INSERT INTO log.loads VALUES ({', '.join('?' * 17)})",
                [*head, loading.transaction, facts.pid, facts.database, status, table.name,
                 table.oid,
                 loading.started, now, str(loading.copy.source), loading.copy.format.lower(), rows,
                 size if rows else 0, len(loading.files), size, len(bad)],
            )  # fmt: skip
            for wrong_one in bad[:ERRORS_KEPT]:
                log.execute(
                    f"INSERT INTO log.load_errors VALUES ({', '.join('?' * 18)})",
                    [*head, loading.transaction, facts.pid, facts.database, table.oid, table.name,
                     loading.started, *_described(wrong_one)],
                )  # fmt: skip
            log.execute("COMMIT")


def _described(bad: Bad) -> list[Any]:
    column = bad.error.column
    kind = column.type if column else None
    length = ",".join(map(str, kind.params)) if kind and kind.params else ""
    return [
        bad.address, bad.record.line, column.name if column else "",
        types.short(kind) if kind else "", length, bad.error.position, bad.error.code,
        bad.error.why,
        bad.record.raw[:SHOWN], bad.error.value[:SHOWN],
    ]  # fmt: skip


def _written(value: str | None) -> str:
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def _ready(path: Path, loading: Loading) -> str:
    """Return the rows of a file that was written here, whose values all convert."""
    names = ", ".join(f"'f{i}': 'VARCHAR'" for i in range(len(loading.columns)))
    options = (
        f"columns={{{names}}}, delim=',', quote='\"', escape='\"', header=false, "
        "auto_detect=false, nullstr='', allow_quoted_nulls=false, new_line='\\n', "
        f"compression='none', max_line_size={MAX_LINE * 2}"
    )
    values = ", ".join(
        f"CAST(f{i} AS {one.type.duckdb}) AS c{i}" for i, one in enumerate(loading.columns)
    )
    return f"SELECT {values} FROM read_csv([{quoting.text(str(path))}], {options})"


def _fast(name: str, column: Column, copy: Copy) -> str:
    """Return a field's value where that is beyond doubt; what is not, fails."""
    kind = column.type
    null = f"{name} = {quoting.text(copy.null)}"
    if kind.is_text:
        return _fast_text(name, kind, copy, null)
    empty = f"{name} = '' OR {null}"
    if kind.name == "boolean":
        return (
            f"CASE {name} WHEN 'TRUE' THEN true WHEN 'FALSE' THEN false WHEN '' THEN NULL ELSE "
            f"CASE WHEN {null} THEN NULL WHEN lower({name}) IN ('t', 'true', 'y', 'yes', '1') THEN "
            f"true WHEN lower({name}) IN ('f', 'false', 'n', 'no', '0') THEN false ELSE {FAIL} "
            "END END"
        )
    patterns = {
        "smallint": "[+-]?[0-9]{1,5}",
        "int": "[+-]?[0-9]{1,10}",
        "bigint": "[+-]?[0-9]{1,19}",
        "float": r"[+-]?[0-9]+(\.[0-9]+)?",
        "double": r"[+-]?[0-9]+(\.[0-9]+)?",
        "date": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
        "timestamp": r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?",
        "timestamptz": r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?",
        "time": r"[0-9]{2}:[0-9]{2}:[0-9]{2}",
    }
    if kind.name == "decimal":
        point = rf"(\.[0-9]{{1,{kind.scale}}})?" if kind.scale else ""
        pattern = f"[+-]?[0-9]+{point}"
    else:
        pattern = patterns[kind.name]
    return (
        f"CASE WHEN {empty} THEN NULL WHEN regexp_full_match({name}, '{pattern}') "
        f"THEN CAST({name} AS {kind.duckdb}) ELSE {FAIL} END"
    )


def _fast_text(name: str, kind: Type, copy: Copy, null: str) -> str:
    length = kind.params[0]
    if copy.empty_as_null:
        null += f" OR {name} = ''"
    if copy.blanks_as_null:
        null += f" OR ({name} <> '' AND trim({name}) = '')"
    if copy.truncate:
        fitted = f"rs_cut_({name}, {length})"
    else:
        fitted = f"CASE WHEN strlen({name}) <= {length} THEN {name} ELSE {FAIL} END"
    if kind.name == "char":
        fitted = (
            f"CASE WHEN strlen({name}) = length({name}) THEN rtrim({fitted}, ' ') ELSE {FAIL} END"
        )
    return f"CASE WHEN {null} THEN NULL ELSE {fitted} END"


PARQUET = {
    "BOOLEAN": ("boolean",),
    "TINYINT": ("smallint",),
    "SMALLINT": ("smallint", "int", "bigint"),
    "INTEGER": ("smallint", "int", "bigint"),
    "BIGINT": ("bigint", "int"),
    "FLOAT": ("float", "double"),
    "DOUBLE": ("double", "float"),
    "VARCHAR": ("varchar", "char"),
    "DATE": ("date",),
    "TIMESTAMP": ("timestamp",),
    "TIMESTAMP WITH TIME ZONE": ("timestamp", "timestamptz"),
    "TIME": ("time",),
}


def _of_parquet(name: str, kind: str, column: Column) -> Value | None:
    source = f"s.{quoting.name(name)}"
    if kind.startswith("DECIMAL"):
        if column.type.name != "decimal":
            return None
        numbers = kind[8:-1].split(",")
        own = Type("decimal", (int(numbers[0]), int(numbers[1])))
        return conversions.assigned(Value(source, own), column.type)
    if column.type.name not in PARQUET.get(kind, ()):
        return None
    if column.type.is_text:
        return conversions.assigned(Value(source, STRING), column.type)
    if column.type.is_integer:
        return conversions.assigned(Value(f"CAST({source} AS BIGINT)", BIGINT), column.type)
    return Value(f"CAST({source} AS {column.type.duckdb})", column.type)
