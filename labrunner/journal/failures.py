"""What can go wrong with the journal's file, in words for the user."""

import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labrunner.errors import Failure

_MAY_BE_LIVE = "what it lists may still exist, and cost money"
_NOT_WRITABLE = "it cannot be opened or written: look at its permissions, and its directory's"
_REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: _NOT_WRITABLE,
    sqlite3.SQLITE_CANTOPEN: _NOT_WRITABLE,
    sqlite3.SQLITE_PERM: _NOT_WRITABLE,
    sqlite3.SQLITE_BUSY: "another program keeps it locked",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
}
_PRIMARY = 0xFF


def damaged(path: Path, why: str) -> Failure:
    """Return the failure of a journal that cannot be understood; it stays where it is."""
    directory, files = shlex.quote(str(path.parent)), shlex.quote(str(path))
    bad = shlex.quote(str(path.parent / "damaged"))
    return Failure(
        f"the journal {path} cannot be used",
        why=f"{why}; {_MAY_BE_LIVE}. To start anew, move it away",
        next_command=f"cd {directory} && mkdir {bad} && mv {files}* {bad}",
    )


def too_new(path: Path, found: int, known: int) -> Failure:
    """Return the failure of a journal that a newer labrunner wrote."""
    return Failure(
        f"the journal {path} was written by a newer labrunner",
        why=f"its format is {found}, and this labrunner knows {known}; {_MAY_BE_LIVE}",
        next_command="pip install --upgrade labrunner",
    )


def unreadable_event(path: Path, run: str, seq: int, why: str) -> Failure:
    """Return the failure of one event that cannot be read back."""
    return Failure(
        f"event {seq} of run {run} in the journal {path} cannot be read",
        why=f"{why}; {_MAY_BE_LIVE}",
        next_command="pip install --upgrade labrunner",
    )


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into a Failure."""
    try:
        yield
    except sqlite3.Error as error:
        raise _of_sqlite(path, error) from error
    except OSError as error:
        raise Failure(
            f"the journal {path} cannot be used",
            why=str(error),
            next_command="LABRUNNER_HOME=… labrunner …, with a folder that can be written",
        ) from error


def _of_sqlite(path: Path, error: sqlite3.Error) -> Failure:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(path, f"it is damaged ({error})")
    reason = _REASONS.get(code)
    why = f"{reason} ({error})" if reason else str(error)
    return Failure(
        f"the journal {path} failed",
        why=f"{why}; {_MAY_BE_LIVE}",
        next_command="labrunner status, once that is mended; then labrunner teardown",
    )
