"""The engine: events in order, written ahead; whatever happens, teardown leaves nothing."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from labrunner import teardown
from labrunner.awsmodel import Models
from labrunner.catalog import load
from labrunner.engine import perform
from labrunner.events import Event, RunFinished, StepFinished
from labrunner.identity import RunName
from labrunner.loader import load_lab
from labrunner.outcome import Call, Outcome, Refusal
from labrunner.plan import Plan, make
from labrunner.state import fold
from tests.fakes import TARGET, FakeClock, FakeS3

MODELS = Models()
LAB = load_lab(Path(__file__).parent / "labs/demo/lab.yaml", models=MODELS, catalog=load())


class Killed(BaseException):
    """Stands for the end of the process."""


def plan() -> Plan:
    return make(
        LAB, {}, run=RunName("0123abcd", "demo"), target=TARGET, models=MODELS, catalog=load()
    )


def run(cloud: FakeS3, **more: Any) -> list[Event]:
    said: list[Event] = []
    perform(plan(), cloud, said.append, FakeClock(), **more)
    return said


def finished(said: list[Event]) -> RunFinished:
    assert isinstance(said[-1], RunFinished)
    return said[-1]


def outcomes(said: list[Event]) -> dict[str, str]:
    return {event.step: event.outcome for event in said if isinstance(event, StepFinished)}


def tear_down(said: list[Event], cloud: FakeS3) -> None:
    teardown.perform(fold(said), load(), cloud, said.append, FakeClock())


def test_a_run_passes_and_says_what_exists() -> None:
    said = run(FakeS3())
    assert finished(said).outcome == "passed"
    assert finished(said).checks.passed == 1
    assert [live.name for live in finished(said).live] == [
        "demo-0123abcd-first",
        "demo-0123abcd-second",
    ]


def test_a_skip_spreads_and_is_no_pass() -> None:
    said = run(FakeS3())
    assert outcomes(said)["skipped"] == outcomes(said)["follows"] == "skipped"
    assert (finished(said).steps.passed, finished(said).steps.skipped) == (4, 2)


def test_creating_is_written_ahead() -> None:
    said: list[Event] = []
    cloud = FakeS3()

    def watching(call: Call) -> Outcome:
        if call.name == "s3.create_bucket":
            intended = [event for event in said if event.kind == "resource_intended"]
            assert call.arguments["Bucket"] in [event.arguments["Bucket"] for event in intended]
        return cloud(call)

    perform(plan(), watching, said.append, FakeClock())
    assert finished(said).outcome == "passed"


def test_a_failed_check_fails_the_run() -> None:
    class Forgetful(FakeS3):
        def __call__(self, call: Call) -> Outcome:
            outcome = super().__call__(call)
            for versions in self.buckets.values():
                del versions[1:]
            return outcome

    said = run(Forgetful())
    assert (finished(said).outcome, finished(said).checks.failed) == ("failed", 1)


def test_the_first_error_ends_the_run_and_is_told() -> None:
    denied = Refusal("AccessDenied", "Access Denied", 403, "REQ1")
    said = run(FakeS3(fail={"put_object": [denied]}))
    failed = [event for event in said if isinstance(event, StepFinished) and event.problem]
    assert [(event.step, event.problem and event.problem.code) for event in failed] == [
        ("each", "AccessDenied")
    ]
    assert failed[0].problem
    assert failed[0].problem.request_id == "REQ1"
    assert failed[0].problem.where.endswith("lab.yaml:13:5")


@pytest.mark.parametrize("certain", [True, False])
def test_only_a_certain_refusal_ends_an_intention(certain: bool) -> None:  # noqa: FBT001
    refusal = Refusal("InternalError", "try again", 500, certain=certain)
    said = run(FakeS3(fail={"create_bucket": [refusal]}))
    assert bool(fold(said).live) is not certain


@pytest.mark.parametrize("before", [True, False], ids=["before the record", "after the record"])
def test_killed_at_any_event_teardown_leaves_nothing(before: bool) -> None:  # noqa: FBT001
    count = len(run(FakeS3()))
    for at in range(1, count + 1):
        cloud = FakeS3({"not mine": []})
        said: list[Event] = []

        def emit(event: Event, at: int = at, said: list[Event] = said) -> None:
            if len(said) >= at - before:
                raise Killed
            said.append(event)

        with suppress(Killed):
            perform(plan(), cloud, emit, FakeClock())
        if said:  # without a first event nothing was begun
            tear_down(said, cloud)
        assert cloud.buckets == {"not mine": []}, f"killed at event {at}"


def test_a_run_goes_on_where_it_stopped() -> None:
    denied = Refusal("AccessDenied", "Access Denied", 403)
    cloud = FakeS3(fail={"list_object_versions": [denied]})
    said = run(cloud)
    assert finished(said).outcome == "failed"
    cloud.calls.clear()
    said += run(cloud, state=fold(said))
    assert finished(said).outcome == "passed"
    assert cloud.calls == ["list_object_versions"]
    assert finished(said).steps.failed == 0


@pytest.mark.parametrize(
    ("code", "said"),
    [("AccessDenied", "--policy"), ("ExpiredToken", "aws sso login"), ("NoSuchKey", "")],
)
def test_a_refusal_comes_with_what_to_type_next(code: str, said: str) -> None:
    failing = run(FakeS3(fail={"put_object": [Refusal(code, "no", 403)]}))
    [problem] = [
        event.problem for event in failing if isinstance(event, StepFinished) and event.problem
    ]
    assert said in problem.next_command
    assert bool(problem.next_command) == bool(said)
