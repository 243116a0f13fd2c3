"""The journal's file: whose it is, who may read it, and what it is when it is no journal."""

import os
import sqlite3
import stat
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from labrunner.errors import Failure
from labrunner.journal import Journal
from labrunner.journal.place import own
from tests.journal.conftest import Start
from tests.journal.test_log import event, started

ROOT, SOMEBODY = 0, 12345


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_can_read_it(journal: Journal, directory: Path) -> None:
    journal.append(started("a"))
    with journal.lock("a"):
        assert mode(directory) == 0o700
        assert mode(directory / "runs") == 0o700
        files = [path for path in directory.rglob("*") if path.is_file()]
        assert {path.name for path in files} >= {"journal.db", "journal.db-wal", "journal.db-shm"}
        unsafe = [path for path in files if mode(path) & 0o077 and path.suffix != ".pid"]
    assert unsafe == []


def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    user = os.getuid()
    if user == ROOT:
        os.chown(tmp_path, SOMEBODY, -1)
    else:
        user += 1
    with pytest.raises(Failure, match="belongs to another user"):
        own(tmp_path, user)


def test_a_link_of_somebody_else_is_refused(tmp_path: Path) -> None:
    link, user = tmp_path / "link", os.getuid()
    link.symlink_to(tmp_path)
    own(link)
    if user == ROOT:
        os.chown(link, SOMEBODY, -1, follow_symlinks=False)
    else:
        user += 1
    with pytest.raises(Failure, match="belongs to another user"):
        own(link, user)


def test_a_directory_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(Failure, match="cannot be used") as raised:
        Journal.open(tmp_path / "state" / "labrunner")
    assert "Not a directory" in raised.value.why


@pytest.mark.parametrize("there", [True, False])
def test_a_read_only_directory_is_said(start: Start, *, there: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        if there:
            Journal.open(directory).close()
            (directory / "journal.db").chmod(0o444)
        directory.chmod(0o555)
        said, _ = start("open as nobody", directory, "a").communicate()
        directory.chmod(0o700)
    assert said.startswith(f"the journal {directory}/journal.db")
    assert "ermission" in said


def read_all(directory: Path) -> None:
    with closing(Journal.open(directory)) as journal:
        list(journal.read_all())


def damaged(directory: Path) -> str:
    """Open what is no journal; return why it cannot be used. It must stay as it is."""
    path = directory / "journal.db"
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(Failure, match="cannot be used") as raised:
        read_all(directory)
    assert (path.read_bytes() if path.exists() else None) == before
    assert "may still exist" in raised.value.why
    assert f"mv {path}*" in raised.value.next_command
    return raised.value.why


@pytest.mark.parametrize("content", [b"", b"hello\n" * 1000], ids=["empty", "text"])
def test_a_file_that_is_no_database_is_left_alone(directory: Path, content: bytes) -> None:
    directory.mkdir(parents=True)
    (directory / "journal.db").write_bytes(content)
    assert damaged(directory)


def test_the_database_of_another_program_is_left_alone(directory: Path) -> None:
    directory.mkdir(parents=True)
    other = sqlite3.connect(directory / "journal.db")
    other.executescript("CREATE TABLE events (x); PRAGMA application_id = 7;")
    other.close()
    assert "not a journal of labrunner" in damaged(directory)


def test_a_newer_format_is_left_alone(directory: Path) -> None:
    Journal.open(directory).close()
    database = sqlite3.connect(directory / "journal.db")
    database.execute("PRAGMA user_version = 2")
    database.close()
    with pytest.raises(Failure, match="written by a newer labrunner") as raised:
        Journal.open(directory)
    assert "its format is 2" in raised.value.why


def test_damage_in_later_pages_is_seen_when_they_are_read(directory: Path) -> None:
    journal = Journal.open(directory, durable=False)
    for number in range(300):
        journal.append(started(f"run{number % 3}"))
    journal.close()
    path = directory / "journal.db"
    content = path.read_bytes()
    path.write_bytes(content[:8192] + os.urandom(len(content) - 8192))
    assert "it is damaged" in damaged(directory)


def test_a_log_without_its_file_is_not_played_into_a_new_one(
    journal: Journal, directory: Path
) -> None:
    journal.append(event("a"))
    (directory / "journal.db").unlink()
    assert "it is missing, but its write-ahead log is there" in damaged(directory)


def test_the_command_that_is_offered_makes_room_for_a_new_journal(directory: Path) -> None:
    directory.mkdir(parents=True)
    (directory / "journal.db").write_bytes(b"not a database, and long enough to look at it" * 9)
    with pytest.raises(Failure) as raised:
        Journal.open(directory)
    assert os.system(raised.value.next_command) == 0
    Journal.open(directory).close()
    assert (directory / "damaged" / "journal.db").exists()


def test_a_creation_that_was_cut_short_is_begun_again(directory: Path) -> None:
    directory.mkdir(parents=True)
    (directory / "journal.db.new").write_bytes(b"half")
    journal = Journal.open(directory)
    journal.append(started("a"))
    assert journal.run_ids() == ["a"]
    journal.close()
