"""A journal of its own for each test, and other processes that use the same one."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labrunner.journal import Journal

Start = Callable[[str, Path, str], "subprocess.Popen[str]"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state" / "labrunner"


@pytest.fixture
def journal(directory: Path) -> Iterator[Journal]:
    opened = Journal.open(directory, durable=False)
    yield opened
    opened.close()


@pytest.fixture
def start() -> Iterator[Start]:
    """Start another process that writes; it is killed at the end of the test."""
    started: list[subprocess.Popen[str]] = []

    def run(mode: str, directory: Path, run: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.journal.writer", mode, str(directory), run]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()
