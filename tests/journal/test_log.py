"""Events are kept, in order, per run, from several threads."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from labrunner.errors import Exit, Failure
from labrunner.events import Event, RunStarted, TargetFacts, TeardownStarted
from labrunner.journal import Journal

TARGET = TargetFacts(name="local", region="us-east-1", account="1")


def started(run: str, lab: str = "s3-intro") -> RunStarted:
    return RunStarted(
        run=run,
        at=1.0,
        lab=lab,
        title="Bücher & 本",
        source="lab.yaml",
        digest="0" * 64,
        target=TARGET,
        params={"quote": "'; DROP TABLE events; --", "nothing": None},
        steps=[],
        labrunner="0.1.0",
    )


def event(run: str, number: int = 0) -> TeardownStarted:
    return TeardownStarted(run=run, at=float(number), lab="s3-intro", resources=number)


def test_what_is_appended_is_read_back_in_order(journal: Journal) -> None:
    events: list[Event] = [started("a"), event("a", 2), event("a", 1)]
    for one in events:
        journal.append(one)
        journal.append(event("b"))
    assert journal.read("a") == events
    assert journal.read("unknown") == []


def test_another_process_sees_it_at_once(journal: Journal, directory: Path) -> None:
    journal.append(started("a"))
    other = Journal.open(directory)
    assert other.read("a") == [started("a")]
    other.close()


def test_the_run_last_started_or_resumed_comes_last(journal: Journal) -> None:
    for run, lab in (("a", "s3-intro"), ("b", "ec2-intro"), ("c", "s3-intro"), ("a", "s3-intro")):
        journal.append(started(run, lab))
    assert journal.run_ids() == ["b", "c", "a"]
    assert journal.run_ids("s3-intro") == ["c", "a"]
    assert journal.run_ids("unknown") == []
    assert [(run, len(events)) for run, events in journal.read_all()] == [
        ("b", 1),
        ("c", 1),
        ("a", 2),
    ]


def test_threads_append_at_once_and_nothing_is_lost(journal: Journal) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(journal.append, [event(f"run{n % 4}", n) for n in range(400)]))
    for run in range(4):
        numbers = [one.at for one in journal.read(f"run{run}")]
        assert sorted(numbers) == [float(n) for n in range(run, 400, 4)]


@pytest.mark.parametrize(("durable", "synchronous"), [(True, 2), (False, 1)])
def test_on_real_aws_every_event_reaches_the_disk(
    journal: Journal, synchronous: int, *, durable: bool
) -> None:
    journal.set_durable(durable)
    assert journal._execute("PRAGMA synchronous") == [(synchronous,)]


def test_an_event_that_cannot_be_read_is_named(journal: Journal) -> None:
    journal.append(started("a"))
    journal._execute('UPDATE events SET body = \'{"kind": "from_the_future"}\'')
    with pytest.raises(Failure, match="event 1 of run a in the journal") as raised:
        journal.read("a")
    assert "from_the_future" in raised.value.why
    with pytest.raises(Failure, match="event 1 of run a"):
        journal.run_ids("s3-intro")


def test_an_event_of_broken_bytes_is_named(journal: Journal) -> None:
    journal.append(started("a"))
    journal._execute("UPDATE events SET body = CAST(x'7b22ff227d' AS TEXT)")
    with pytest.raises(Failure, match="event 1 of run a in the journal"):
        journal.read("a")


def append_for_ever(journal: Journal) -> None:
    while True:
        journal.append(started("a"))


def test_a_full_disk_is_said_and_nothing_is_half_written(journal: Journal) -> None:
    journal.append(started("a"))
    (pages,) = journal._execute("PRAGMA page_count")[0]
    journal._execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Failure, match="the journal") as raised:
        append_for_ever(journal)
    assert raised.value.why.startswith("the disk is full")
    assert raised.value.exit_code == Exit.FAILED
    kept = journal.read("a")
    assert {type(one) for one in kept} == {RunStarted}
    journal._execute("PRAGMA max_page_count = 100000")
    journal.append(event("a"))
    assert journal.read("a") == [*kept, event("a")]
