"""DuckDB, closed in a work directory: no other file, no network, no extension, no setting."""

import contextlib
import copy
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.errors import SqlError

if TYPE_CHECKING:
    import duckdb

BATCH = 4096


class Engine:
    """One DuckDB database in memory, its files in one private directory.

    `install` is given the connection once, to create a dialect's functions. One thread runs
    statements; `cancel` may be called from any other.
    """

    def __init__(
        self,
        parent: Path,
        install: Callable[["duckdb.DuckDBPyConnection"], None],
        *,
        memory_mib: int = 512,
        threads: int = 2,
    ) -> None:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._owns_files = True
        self.directory = Path(tempfile.mkdtemp(prefix="sql-", dir=parent)).resolve()
        self._cancelled = threading.Event()
        self._connection = self._connect(memory_mib, threads)
        install(self._connection)
        # The last word: from here on nothing of this can be taken back.
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    def _connect(self, memory_mib: int, threads: int) -> "duckdb.DuckDBPyConnection":
        import duckdb

        connection = duckdb.connect(":memory:")
        directory = quoting.text(str(self.directory))
        temporary = quoting.text(str(self.directory / "spill"))
        for setting in (
            "autoinstall_known_extensions = false",
            "autoload_known_extensions = false",
            f"allowed_directories = [{directory}]",
            f"temp_directory = {temporary}",
            f"memory_limit = '{memory_mib}MiB'",
            f"threads = {threads}",
            "TimeZone = 'UTC'",
            "enable_progress_bar = false",
        ):
            connection.execute(f"SET {setting}")
        return connection

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a query and yield its rows as they come; raises SqlError."""
        with self._guarded():
            found = self._connection.execute(sql)
            try:
                while batch := found.fetchmany(BATCH):
                    self._check()
                    yield from batch
            finally:
                self._connection.execute("SELECT 1").fetchall()

    def copy(self, sql: str) -> int:
        """Run a COPY and return how many rows it wrote; raises SqlError."""
        with self._guarded():
            row = self._connection.execute(sql).fetchone()
            return int(row[0]) if row else 0

    def run(self, sql: str) -> None:
        """Run a statement that has no result; raises SqlError."""
        with self._guarded():
            self._connection.execute(sql)

    def drop_view(self, name: str) -> None:
        """Remove a view, even after the engine was cancelled."""
        import duckdb

        with contextlib.suppress(duckdb.Error):
            self._connection.execute(f"DROP VIEW IF EXISTS {name}")

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        import duckdb

        self._check()
        try:
            yield
        except duckdb.InterruptException:
            raise _cancelled() from None
        except duckdb.Error as error:
            self._check()
            raise SqlError("execution", _words(str(error))) from error

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise _cancelled()

    def check(self) -> None:
        """Raise SqlError if the statement was cancelled."""
        self._check()

    def cancel(self) -> None:
        """Interrupt what runs; it and everything after it ends as cancelled."""
        self._cancelled.set()
        self._connection.interrupt()

    def share(self) -> "Engine":
        """Return another connection to the same database, to be used by another thread."""
        other = copy.copy(self)
        other.__dict__ |= {
            "_owns_files": False,
            "_cancelled": threading.Event(),
            "_connection": self._connection.cursor(),
        }
        return other

    def close(self) -> None:
        """End the connection; the one that opened the database removes its files."""
        self._connection.close()
        if self._owns_files:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def file(self, name: str) -> Path:
        """Return the path of a new file of the work directory."""
        return self.directory / name


def _cancelled() -> SqlError:
    return SqlError("cancelled", "The query was cancelled")


def _words(message: str) -> str:
    """Return DuckDB's message without the text of the statement that it shows."""
    return message.split("\n\nLINE ", 1)[0].strip()
