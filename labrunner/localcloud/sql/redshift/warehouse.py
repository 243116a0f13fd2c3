"""One warehouse: a DuckDB database in a private directory, with Redshift's own catalog in it.

The catalog is tables of the database, so that it is part of every transaction. No file outside
of the directory is reached, and no setting can be changed.
"""

import contextlib
import itertools
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.redshift import macros
from labrunner.localcloud.sql.redshift.wording import RedshiftError

if TYPE_CHECKING:
    import duckdb

BATCH = 4096
FIRST_OID = 100_000
# The superuser that every warehouse has, besides its administrator.
RDSDB = ("rdsdb", 1)
CATALOG = """
CREATE SCHEMA meta;
CREATE SCHEMA data;
CREATE SCHEMA log;
CREATE TABLE meta.databases(oid BIGINT, name VARCHAR, owner BIGINT);
CREATE TABLE meta.users(oid BIGINT, name VARCHAR, is_super BOOLEAN);
CREATE TABLE meta.schemas(oid BIGINT, db VARCHAR, name VARCHAR, owner BIGINT);
CREATE TABLE meta.relations(oid BIGINT, db VARCHAR, schema VARCHAR, name VARCHAR, kind VARCHAR,
    owner BIGINT, session BIGINT, diststyle VARCHAR, sortstyle VARCHAR, definition VARCHAR,
    created TIMESTAMP, remark VARCHAR);
CREATE TABLE meta.columns(rel BIGINT, num INTEGER, slot INTEGER, name VARCHAR, type VARCHAR,
    not_null BOOLEAN, default_sql VARCHAR, identity VARCHAR, encoding VARCHAR, distkey BOOLEAN,
    sortkey INTEGER, remark VARCHAR);
CREATE TABLE meta.constraints(oid BIGINT, rel BIGINT, kind VARCHAR, name VARCHAR, cols VARCHAR,
    ref_rel BIGINT, ref_cols VARCHAR);
CREATE TABLE meta.grants(rel BIGINT, grantee BIGINT, privilege VARCHAR);
CREATE TABLE log.queries(user_id INTEGER, user_name VARCHAR, query_id BIGINT, transaction_id BIGINT,
    session_id INTEGER, database_name VARCHAR, query_type VARCHAR, status VARCHAR,
    start_time TIMESTAMP, end_time TIMESTAMP, returned_rows BIGINT, error_message VARCHAR,
    query_text VARCHAR, username VARCHAR);
CREATE TABLE log.loads(user_id INTEGER, query_id BIGINT, transaction_id BIGINT, session_id INTEGER,
    database_name VARCHAR, status VARCHAR, table_name VARCHAR, table_id BIGINT,
    start_time TIMESTAMP, end_time TIMESTAMP, data_source VARCHAR, file_format VARCHAR,
    loaded_rows BIGINT, loaded_bytes BIGINT, source_file_count INTEGER, source_file_bytes BIGINT,
    error_count INTEGER);
CREATE TABLE log.load_files(user_id INTEGER, query_id BIGINT, table_id BIGINT, name VARCHAR,
    bytes BIGINT, lines BIGINT, errors INTEGER, loaded_at TIMESTAMP, status INTEGER);
CREATE TABLE log.load_errors(user_id INTEGER, query_id BIGINT, transaction_id BIGINT,
    session_id INTEGER, database_name VARCHAR, table_id BIGINT, table_name VARCHAR,
    start_time TIMESTAMP, file_name VARCHAR, line_number BIGINT, column_name VARCHAR,
    column_type VARCHAR, column_length VARCHAR, position INTEGER, error_code INTEGER,
    error_message VARCHAR, raw_line VARCHAR, raw_field_value VARCHAR);
CREATE TABLE log.unloads(user_id INTEGER, query_id BIGINT, transaction_id BIGINT,
    session_id INTEGER, database_name VARCHAR, status VARCHAR, start_time TIMESTAMP,
    end_time TIMESTAMP, file_format VARCHAR, unloaded_rows BIGINT, unloaded_files_count INTEGER,
    unloaded_files_size BIGINT, path VARCHAR)
"""


class Warehouse:
    """A database of DuckDB with its directory; `close` removes both. Safe in several threads."""

    def __init__(
        self,
        parent: Path,
        *,
        database: str,
        admin: str,
        memory_mib: int = 768,
        threads: int = 2,
    ) -> None:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = Path(tempfile.mkdtemp(prefix="warehouse-", dir=parent)).resolve()
        self.admin = admin
        # By user; kept as they are, since PostgreSQL's protocol proves that both sides know them.
        self.passwords: dict[str, str] = {}
        self._oids = itertools.count(FIRST_OID)
        self._numbers = itertools.count(1)
        self._pids = itertools.count(1_073_750_016)
        self._lock = threading.Lock()
        self._is_closed = False
        self._root = self._connect(memory_mib, threads)
        self._create(database, admin)

    def _connect(self, memory_mib: int, threads: int) -> "duckdb.DuckDBPyConnection":
        import duckdb

        connection = duckdb.connect(str(self.directory / "warehouse.duckdb"))
        directory = quoting.text(str(self.directory))
        temporary = quoting.text(str(self.directory / "spill"))
        for setting in (
            "autoinstall_known_extensions = false",
            "autoload_known_extensions = false",
            f"allowed_directories = [{directory}]",
            f"temp_directory = {temporary}",
            f"memory_limit = '{memory_mib}MiB'",
            f"threads = {threads}",
            "preserve_insertion_order = true",
        ):
            connection.execute(f"SET {setting}")
        # For the sessions, which are connections of their own.
        with contextlib.suppress(duckdb.Error):
            # DuckDB 2.0.0 loses a LIMIT with it: LIMIT over a filter with OR and a subquery.
            connection.execute("SET GLOBAL disabled_optimizers = 'projection_pullup'")
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        connection.execute("SET GLOBAL default_null_order = 'nulls_last'")
        macros.install(connection)
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection

    def _create(self, database: str, admin: str) -> None:
        for statement in CATALOG.split(";\n"):
            self._root.execute(statement)
        for name, oid in (RDSDB, (admin, 100)):
            self._root.execute("INSERT INTO meta.users VALUES (?, ?, true)", [oid, name])
        self.add_database(self._root, database, 100)
        (self.directory / "warehouse.duckdb").chmod(0o600)

    def add_database(self, connection: "duckdb.DuckDBPyConnection", name: str, owner: int) -> None:
        """Create a database with its schema `public`."""
        connection.execute(
            "INSERT INTO meta.databases VALUES (?, ?, ?)", [self.new_oid(), name, owner]
        )
        connection.execute("INSERT INTO meta.schemas VALUES (?, ?, 'public', 1)", [2200, name])

    def databases(self) -> list[str]:
        """Return the names of the databases."""
        rows = self.cursor().execute("SELECT name FROM meta.databases ORDER BY name").fetchall()
        return [row[0] for row in rows]

    def user(self, name: str, *, is_super: bool = False) -> int:
        """Return a user's number; a user that is new is made."""
        with self._lock:
            cursor = self._root.cursor()
            row = cursor.execute("SELECT oid FROM meta.users WHERE name = ?", [name]).fetchone()
            if row is not None:
                return int(row[0])
            oid = 100 + int(
                (cursor.execute("SELECT count(*) FROM meta.users").fetchone() or (0,))[0]
            )
            cursor.execute("INSERT INTO meta.users VALUES (?, ?, ?)", [oid, name, is_super])
            return oid

    def has_user(self, name: str) -> bool:
        """Whether a user exists."""
        cursor = self.cursor()
        found = cursor.execute("SELECT oid FROM meta.users WHERE name = ?", [name]).fetchone()
        return found is not None

    def new_oid(self) -> int:
        """Return a number that nothing else of the warehouse has."""
        return next(self._oids)

    def new_number(self) -> int:
        """Return the number of a query."""
        return next(self._numbers)

    def new_pid(self) -> int:
        """Return the number of a session."""
        return next(self._pids)

    def cursor(self) -> "duckdb.DuckDBPyConnection":
        """Return a new connection to the database."""
        return self._root.cursor()

    def close(self) -> None:
        """End the database and remove its directory; a second time does nothing."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self._root.interrupt()
        self._root.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class Connection:
    """A session's connection; only `interrupt` may be called from another thread."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._connection = warehouse.cursor()
        self._cancelled = threading.Event()

    def run(self, sql: str, parameters: list[Any] | None = None) -> None:
        """Run a statement; raises SqlError."""
        with self.guarded():
            self._connection.execute(sql, parameters or [])

    def count(self, sql: str) -> int:
        """Run a statement that changes rows and return how many; raises SqlError."""
        with self.guarded():
            row = self._connection.execute(sql).fetchone()
            return int(row[0]) if row else 0

    def all(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Return all rows of a short result; raises SqlError."""
        with self.guarded():
            return self._connection.execute(sql, parameters or []).fetchall()

    def rows(self, sql: str) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a result in batches as they come; raises SqlError."""
        with self.guarded():
            found = self._connection.execute(sql)
            while batch := found.fetchmany(BATCH):
                self.check()
                yield batch

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn DuckDB's errors into Redshift's."""
        import duckdb

        self.check()
        try:
            yield
        except duckdb.InterruptException:
            raise cancelled() from None
        except duckdb.Error as error:
            self.check()
            raise failure(str(error)) from error

    def check(self) -> None:
        """Raise SqlError if the statement was cancelled."""
        if self._cancelled.is_set():
            raise cancelled()

    def interrupt(self) -> None:
        """End what runs as cancelled; a connection that is closed has nothing that runs."""
        import duckdb

        self._cancelled.set()
        with contextlib.suppress(duckdb.Error):
            self._connection.interrupt()

    @property
    def is_cancelled(self) -> bool:
        """Whether nothing may run until `resume`."""
        return self._cancelled.is_set()

    def cancel_again(self) -> None:
        """Refuse statements once more, after what cancelling left to do."""
        self._cancelled.set()

    def resume(self) -> None:
        """Let statements run again after one was cancelled."""
        self._cancelled.clear()

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def cancelled() -> RedshiftError:
    """Return the error of a statement that was cancelled."""
    return RedshiftError("57014", "Query cancelled on user's request", kind="cancelled")


OURS = re.compile(r"RS:([0-9A-Z]{5}):(.*)", re.DOTALL)
WIDTHS = {"INT16": "smallint", "INT32": "integer", "INT64": "bigint"}


def failure(message: str) -> SqlError:
    """Return the error that DuckDB's message means in Redshift's words."""
    message = message.split("\n\nLINE ", 1)[0].strip()
    ours = OURS.search(message)
    if ours is not None:
        state, text = ours[1], ours[2].split("\n\nAt:", 1)[0].strip()
        text, _, detail = text.partition("\x1f")
        return RedshiftError(state, text, detail=detail, kind="execution")
    for width, name in WIDTHS.items():
        if f"of {width}" in message and "Overflow" in message:
            return RedshiftError("22003", f"{name} out of range", kind="execution")
    if "Overflow" in message or ("out of range" in message.lower() and "ecimal" in message):
        return RedshiftError("22003", "Numeric data overflow", kind="execution")
    if "More than one row returned by a subquery" in message:
        text = "more than one row returned by a subquery used as an expression"
        return RedshiftError("21000", text, kind="execution")
    if "Conflict on" in message or "TransactionContext Error" in message:
        text = "1023"
        detail = "Serializable isolation violation on a table in Redshift"
        return RedshiftError("XX000", text, detail=detail, kind="execution")
    return RedshiftError("XX000", message.partition("\n")[0], kind="execution")
