"""Steps that try one thing after the other, that have alternatives, that make things here."""

from pathlib import Path
from typing import Any

import pytest

from labrunner import engine, teardown
from labrunner.actions.key import Keys
from labrunner.awsmodel import Models
from labrunner.catalog import load
from labrunner.events import Event, RunFinished, StepFinished, StepProgress, StepRetrying
from labrunner.identity import RunName
from labrunner.loader import load_lab
from labrunner.outcome import Call, Outcome, Refusal
from labrunner.plan import make
from labrunner.state import fold
from tests.fakes import TARGET, FakeClock, FakeS3

MODELS = Models()
LAB = load_lab(Path(__file__).parent / "labs/choices/lab.yaml", models=MODELS, catalog=load())
TAKEN = Refusal("BucketAlreadyExists", "The requested bucket name is not available", 409)
NAME = "choices-0123abcd"


class Here(FakeS3):
    """An S3 in memory, and key pairs in a folder."""

    keys: Keys

    def __call__(self, call: Call) -> Outcome:
        if call.kind == "key":
            return self.keys.perform(call)
        call.report("under way")
        return super().__call__(call)


@pytest.fixture
def here(tmp_path: Path) -> Here:
    world = Here()
    world.keys = Keys(tmp_path / "keys")
    return world


def run(world: Here) -> list[Event]:
    said: list[Event] = []
    plan = make(
        LAB, {}, run=RunName("0123abcd", "choices"), target=TARGET, models=MODELS, catalog=load()
    )
    engine.perform(plan, world, said.append, FakeClock())
    return said


def ended(said: list[Event]) -> RunFinished:
    assert isinstance(said[-1], RunFinished)
    return said[-1]


def step(said: list[Event], name: str) -> Any:
    return next(one for one in said if isinstance(one, StepFinished) and one.step == name)


def test_the_next_is_tried_on_the_named_errors(here: Here) -> None:
    here.fail["create_bucket"] = [TAKEN, TAKEN]
    said = run(here)
    assert ended(said).outcome == "passed"
    assert list(here.buckets) == [f"{NAME}-three"]
    assert step(said, "bucket").outputs == {"name": f"{NAME}-three"}
    assert [one.code for one in said if isinstance(one, StepRetrying)] == [TAKEN.code] * 2


def test_when_the_last_fails_so_does_the_step(here: Here) -> None:
    here.fail["create_bucket"] = [TAKEN] * 3
    said = run(here)
    assert ended(said).outcome == "failed"
    assert step(said, "bucket").problem.code == TAKEN.code
    assert here.calls.count("create_bucket") == 3


def test_another_error_tries_no_other(here: Here) -> None:
    here.fail["create_bucket"] = [Refusal("AccessDenied", "Access Denied", 403)]
    said = run(here)
    assert step(said, "bucket").problem.code == "AccessDenied"
    assert here.calls.count("create_bucket") == 1


def test_an_alternative_keeps_a_step_from_being_skipped(here: Here) -> None:
    said = run(here)
    assert step(said, "skipped").outcome == "skipped"
    assert step(said, "either").outcome == "passed"
    assert step(said, "only").outcome == "skipped"
    assert here.buckets[f"{NAME}-one"][0]["Key"] == "another"


def test_progress_is_told(here: Here) -> None:
    assert {one.step for one in run(here) if isinstance(one, StepProgress)} == {
        "bucket",
        "either",
    }


def test_what_is_here_goes_even_when_its_cloud_has_ended(here: Here, tmp_path: Path) -> None:
    said = run(here)
    assert list((tmp_path / "keys").iterdir())
    teardown.perform(fold(said), load(), here, said.append, FakeClock(), vanished=True)
    assert list((tmp_path / "keys").iterdir()) == []
    assert here.buckets, "the cloud has ended, so nothing was called in it"


def test_two_of_one_name_do_not_wait_for_each_other(here: Here, tmp_path: Path) -> None:
    """A key pair here and its public half in AWS have the same name."""
    said = run(here)
    teardown.perform(fold(said), load(), here, said.append, FakeClock())
    assert not here.buckets
    assert list((tmp_path / "keys").iterdir()) == []


def test_what_was_made_is_not_made_again_elsewhere(here: Here) -> None:
    """The run is killed after the second choice was answered, and before its step was over."""
    here.fail["create_bucket"] = [TAKEN]
    said = run(here)
    at = next(
        number
        for number, one in enumerate(said)
        if isinstance(one, StepFinished) and one.step == "bucket"
    )
    state = fold(said[:at])
    plan = make(
        LAB, {}, run=RunName("0123abcd", "choices"), target=TARGET, models=MODELS, catalog=load()
    )
    again: list[Event] = []
    engine.perform(plan, here, again.append, FakeClock(), state=state)
    assert ended(again).outcome == "passed"
    assert list(here.buckets) == [f"{NAME}-two"]
    assert step(again, "bucket").outputs == {"name": f"{NAME}-two"}
