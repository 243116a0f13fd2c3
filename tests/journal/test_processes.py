"""Several processes, and processes that are killed."""

import signal
from pathlib import Path

import pytest

from labrunner.errors import Failure
from labrunner.journal import Journal
from tests.journal.conftest import Start


def test_what_append_returned_for_survives_a_kill(directory: Path, start: Start) -> None:
    for count in (1, 7, 50, 200):
        run = f"run{count}"
        writer = start("append for ever", directory, run)
        assert writer.stdout
        for _ in range(count):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        said = [*range(count), *map(int, writer.stdout.read().split())]
        journal = Journal.open(directory)
        kept = [int(one.at) for one in journal.read(run)]
        journal.close()
        # The last append may have been committed without having been able to say so.
        assert kept[: len(said)] == said
        assert len(kept) <= len(said) + 1


def test_processes_that_start_and_append_at_once_lose_nothing(
    directory: Path, start: Start
) -> None:
    writers = [start("append some", directory, f"run{n}") for n in range(4)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    journal = Journal.open(directory)
    for number in range(4):
        assert [int(one.at) for one in journal.read(f"run{number}")] == list(range(100))
    journal.close()


def test_a_run_belongs_to_one_process_until_it_is_killed(
    journal: Journal, directory: Path, start: Start
) -> None:
    holder = start("hold", directory, "abc")
    assert holder.stdout
    process = holder.stdout.readline().strip()
    with pytest.raises(Failure, match="run abc is busy") as raised, journal.lock("abc"):
        pass
    assert f"another labrunner (process {process}) is running it" in raised.value.why
    with journal.lock("other"):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with journal.lock("abc"):
        pass


def test_a_run_is_locked_once_within_a_process_too(journal: Journal, directory: Path) -> None:
    other = Journal.open(directory)
    with journal.lock("abc"), pytest.raises(Failure, match="run abc is busy"), other.lock("abc"):
        pass
    with other.lock("abc"):
        pass
    other.close()


def test_the_name_of_a_run_leads_nowhere_else(journal: Journal) -> None:
    with pytest.raises(Failure, match="there is no run"), journal.lock("../elsewhere"):
        pass
