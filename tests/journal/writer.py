"""A process that writes to a journal: python -m tests.journal.writer MODE DIRECTORY RUN."""

import os
import sys
from importlib import import_module
from pathlib import Path

from labrunner.errors import Failure
from labrunner.events import TeardownStarted
from labrunner.journal import Journal

ROOT, NOBODY = 0, 65534


def _append(journal: Journal, run: str, number: int) -> None:
    journal.append(TeardownStarted(run=run, at=float(number), lab="s3-intro", resources=number))


def _append_for_ever(directory: Path, run: str) -> None:
    """Append without end, and say each number once append has returned."""
    journal, number = Journal.open(directory, durable=False), 0
    while True:
        _append(journal, run, number)
        os.write(1, f"{number}\n".encode())
        number += 1


def _append_some(directory: Path, run: str) -> None:
    journal = Journal.open(directory)
    for number in range(100):
        _append(journal, run, number)
    journal.close()


def _hold(directory: Path, run: str) -> None:
    """Hold the lock of the run until killed."""
    with Journal.open(directory).lock(run):
        sys.stdout.write(f"{os.getpid()}\n")
        sys.stdout.flush()
        sys.stdin.read()


def _open_as_nobody(directory: Path, run: str) -> None:
    """Open the journal and append as a user who is not root, and say what went wrong."""
    import_module("filelock")  # which nobody may not be able to do
    if os.getuid() == ROOT:
        os.setuid(NOBODY)
    try:
        _append(Journal.open(directory), run, 0)
    except Failure as failure:
        sys.stdout.write(f"{failure.what}: {failure.why}")


if __name__ == "__main__":
    _MODES = {
        "append for ever": _append_for_ever,
        "append some": _append_some,
        "hold": _hold,
        "open as nobody": _open_as_nobody,
    }
    _MODES[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
