"""kill -9 at every event of s3-intro, before and after its record: teardown leaves nothing."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labrunner import engine, teardown
from labrunner.actions import performer
from labrunner.awsmodel import Models
from labrunner.catalog import load
from labrunner.clock import SystemClock
from labrunner.events import Event, TargetFacts
from labrunner.identity import RunName
from labrunner.journal import Journal
from labrunner.loader import load_lab
from labrunner.localcloud import daemon
from labrunner.plan import make
from labrunner.state import fold
from labrunner.targets import Access, Target, local

MODELS = Models()
LAB = load_lab(Path(__file__).parents[2] / "labs/s3-intro/lab.yaml", models=MODELS, catalog=load())
FORK = multiprocessing.get_context("fork")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("cloud") / "cloud"
    found = daemon.start(folder)
    facts = TargetFacts(
        name="local",
        endpoint=found.endpoint,
        region=found.region,
        account=found.account,
        cloud=found.id,
    )
    yield local(facts, Access(found.region, found.endpoint, found.access_key, found.secret_key))
    daemon.stop(folder)


def run(home: Path, cloud: Target, run_id: str, kill_at: int, *, before: bool) -> None:
    """Run the lab in this process, which kills itself at that event."""
    journal = Journal.open(home, durable=False)
    seen = 0

    def emit(event: Event) -> None:
        nonlocal seen
        seen += 1
        if before and seen == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        journal.append(event)
        if seen == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    plan = make(
        LAB, {}, run=RunName(run_id, "s3-intro"), target=cloud.facts, models=MODELS, catalog=load()
    )
    do = performer(cloud.clients.get, MODELS, Path("no keys here"))
    engine.perform(plan, do, emit, SystemClock(), pace=cloud.pace)


def tear_down(home: Path, cloud: Target, run_id: str) -> None:
    """Tear the run down from its journal."""
    journal = Journal.open(home, durable=False)
    events = journal.read(run_id)
    if events:
        do = performer(cloud.clients.get, MODELS, Path("no keys here"))
        clock = SystemClock()
        finished = teardown.perform(
            fold(events), load(), do, journal.append, clock, pace=cloud.pace
        )
        assert finished.outcome == "clean"


def in_a_process(work: Any, *arguments: Any, **more: Any) -> int:
    process = FORK.Process(target=work, args=arguments, kwargs=more)
    process.start()
    process.join(60)
    assert process.exitcode is not None
    return process.exitcode


@pytest.mark.parametrize("before", [True, False], ids=["before the record", "after the record"])
def test_killed_at_every_event(tmp_path: Path, cloud: Target, before: bool) -> None:  # noqa: FBT001
    kill_at, killed = 0, True
    while killed:
        kill_at += 1
        run_id = f"{kill_at:08x}"
        code = in_a_process(run, tmp_path, cloud, run_id, kill_at, before=before)
        killed = code == -signal.SIGKILL
        assert in_a_process(tear_down, tmp_path, cloud, run_id) == 0
        left = in_a_process(no_buckets, cloud)
        assert left == 0, f"killed at event {kill_at}: {left} buckets are left"
    assert kill_at > 60


def no_buckets(cloud: Target) -> None:
    os._exit(len(cloud.clients.get("s3").list_buckets()["Buckets"]))
