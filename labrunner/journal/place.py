"""Where the journal is: a directory and a file that are the user's own."""

import os
import sqlite3
import sys
from pathlib import Path

from labrunner.errors import Failure
from labrunner.journal.failures import damaged, too_new

FORMAT = 1
APPLICATION = 0x4C616252  # "LabR"
_ROOT = 0

_SCHEMA = f"""
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    kind TEXT NOT NULL,
    at REAL NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX events_of_run ON events (run, seq);
CREATE INDEX starts ON events (seq) WHERE kind = 'run_started';
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {FORMAT};
PRAGMA journal_mode = WAL;
"""


def prepare(path: Path) -> None:
    """Make the journal's directory and file unless they are there; raises Failure, OSError."""
    path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    own(path.parent)
    if not _exists(path):
        _create(path)


def own(directory: Path, user: int | None = None) -> None:
    """Raise Failure when another user could read, change or redirect what is written here."""
    if sys.platform == "win32":
        return
    user = os.getuid() if user is None else user
    for seen in (directory.lstat(), directory.stat()):
        if seen.st_uid not in (user, _ROOT):
            raise Failure(
                f"the directory {directory} belongs to another user",
                why="its owner could read and change the journal",
            )


def recognise(database: sqlite3.Connection, path: Path) -> None:
    """Raise Failure unless the file is a journal in the format known here."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (found,) = database.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise damaged(path, "it is not a journal of labrunner")
    if found > FORMAT:
        raise too_new(path, found, FORMAT)
    if found != FORMAT:
        raise damaged(path, f"its format {found} is unknown")


def _exists(path: Path) -> bool:
    try:
        return path.stat() is not None
    except FileNotFoundError:
        return False


def _create(path: Path) -> None:
    """Make the file under another name first: a journal is never seen half made."""
    from filelock import FileLock

    with FileLock(path.with_name("create.lock"), mode=0o600):
        if _exists(path):
            return
        if _exists(path.with_name(f"{path.name}-wal")):
            # SQLite would play the rest of the lost file into the new one.
            raise damaged(path, "it is missing, but its write-ahead log is there")
        fresh = path.with_name(f"{path.name}.new")
        fresh.unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL, 0o600))
        database = sqlite3.connect(fresh)
        try:
            database.executescript(_SCHEMA)
        finally:
            database.close()
        fresh.replace(path)
