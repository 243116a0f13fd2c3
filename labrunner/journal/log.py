"""Append events and read them back; what append returned for survives a crash."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labrunner.errors import Failure
from labrunner.events import Event, decode, encode
from labrunner.journal.failures import in_words, unreadable_event
from labrunner.journal.place import prepare, recognise

_BUSY_SECONDS = 15.0
_INSERT = "INSERT INTO events (run, kind, at, body) VALUES (?, ?, ?, ?)"
_OF_RUN = "SELECT seq, body FROM events WHERE run = ? ORDER BY seq"
_BRIEF = (
    "SELECT seq, body FROM events WHERE run = ? AND kind NOT LIKE 'step!_%' ESCAPE '!' "
    "AND kind NOT LIKE 'check!_%' ESCAPE '!' ORDER BY seq"
)
_STARTS = "SELECT seq, run, body FROM events WHERE kind = 'run_started' ORDER BY seq"


class Journal:
    """The event log of every run; safe for several threads, and several processes, at once."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self._path = path
        self._database = database
        self._lock = threading.Lock()

    @classmethod
    def open(cls, directory: Path, *, durable: bool = True) -> "Journal":
        """Open the journal in this directory, made when missing; raises Failure."""
        path = directory / "journal.db"
        with in_words(path):
            prepare(path)
            database = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            # Bytes that are no text reach _decode, which can name their event.
            database.text_factory = _text
            try:
                recognise(database, path)
            except BaseException:
                database.close()
                raise
        journal = cls(path, database)
        journal.set_durable(durable)
        return journal

    def set_durable(self, durable: bool) -> None:  # noqa: FBT001 - reads as what it says
        """Choose whether events must survive a power failure, or only the end of the process."""
        self._execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")

    def append(self, event: Event) -> None:
        """Commit the event; raises Failure when it is not surely written."""
        self._execute(_INSERT, event.run, event.kind, event.at, encode(event))

    def run_ids(self, lab: str | None = None) -> list[str]:
        """Return the runs, of one lab or of all; the one last started or resumed comes last."""
        newest: dict[str, None] = {}
        for seq, run, body in self._execute(_STARTS):
            if lab is None or getattr(self._decode(run, seq, body), "lab", None) == lab:
                newest.pop(run, None)
                newest[run] = None
        return list(newest)

    def read(self, run: str) -> list[Event]:
        """Return the run's events in order, none when it is unknown; raises Failure."""
        return [self._decode(run, seq, body) for seq, body in self._execute(_OF_RUN, run)]

    def read_all(self, *, brief: bool = False) -> Iterator[tuple[str, list[Event]]]:
        """Yield every run and its events, in the order of run_ids; raises Failure.

        With `brief`, only those that tell of the run as a whole and of its resources, which are a
        small part of all.
        """
        for run in self.run_ids():
            rows = self._execute(_BRIEF if brief else _OF_RUN, run)
            yield run, [self._decode(run, seq, body) for seq, body in rows]

    @contextmanager
    def lock(self, run: str) -> Iterator[None]:
        """Hold the run for this process; raises Failure at once when another one holds it.

        The operating system frees the lock when the process ends, however it ends.
        """
        if not run.isalnum():
            raise Failure(f"there is no run {run}", next_command="labrunner status")
        # Imported here: it takes as long as all else of this module together.
        from filelock import FileLock, Timeout

        owner = self._locks / f"{run}.pid"
        with in_words(self._locks):
            self._locks.mkdir(mode=0o700, exist_ok=True)
            lock = FileLock(self._locks / f"{run}.lock", mode=0o600)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise _busy(run, owner) from None
        try:
            with in_words(self._locks):
                owner.write_text(str(os.getpid()), encoding="ascii")
            yield
        finally:
            lock.release()

    def is_locked(self, run: str) -> bool:
        """Return whether a process runs this run or tears it down just now."""
        if not (self._locks / f"{run}.lock").exists():
            return False
        try:
            with self.lock(run):
                return False
        except Failure:
            return True

    @property
    def _locks(self) -> Path:
        return self._path.parent / "runs"

    def close(self) -> None:
        """Close the file; the journal cannot be used any more."""
        with self._lock, in_words(self._path):
            self._database.close()

    def _execute(self, statement: str, *values: Any) -> list[Any]:
        with self._lock, in_words(self._path):
            return self._database.execute(statement, values).fetchall()

    def _decode(self, run: str, seq: int, body: str) -> Event:
        try:
            return decode(body)
        except ValueError as error:
            why = " ".join(str(error).split())
            raise unreadable_event(self._path, run, seq, why) from None


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")


def _busy(run: str, owner: Path) -> Failure:
    try:
        process = f" (process {owner.read_text(encoding='ascii')})"
    except OSError:
        process = ""
    return Failure(
        f"run {run} is busy",
        why=f"another labrunner{process} is running it or tearing it down",
        next_command=f"labrunner status {run}",
    )
