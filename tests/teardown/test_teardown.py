"""Teardown: from events alone, in reverse, until everything is really gone."""

from typing import Any

import pytest

from labrunner.catalog import load
from labrunner.events import (
    Event,
    ResourceCreated,
    ResourceGone,
    ResourceHeld,
    ResourceIntended,
    ResourceLeft,
    RunStarted,
    TeardownFinished,
)
from labrunner.outcome import Refusal
from labrunner.state import fold
from labrunner.teardown import perform
from tests.fakes import TARGET, FakeClock, FakeS3

STARTED = RunStarted(
    run="0123abcd",
    at=1.0,
    lab="demo",
    title="Demo",
    source="lab.yaml",
    digest="",
    target=TARGET,
    params={},
    steps=[],
    labrunner="0",
)


def intended(name: str) -> ResourceIntended:
    return ResourceIntended(
        run="0123abcd", at=2.0, resource=name, type="s3.bucket", step=name,
        arguments={"Bucket": name},
    )  # fmt: skip


def created(name: str) -> ResourceCreated:
    return ResourceCreated(
        run="0123abcd", at=3.0, resource=name, identity={"Bucket": name}, result={}
    )


def tear_down(events: list[Event], cloud: FakeS3, **more: Any) -> list[Event]:
    said: list[Event] = []
    perform(fold(events), load(), cloud, said.append, FakeClock(), **more)
    return said


def finished(said: list[Event]) -> TeardownFinished:
    assert isinstance(said[-1], TeardownFinished)
    return said[-1]


def test_a_full_bucket_is_emptied_and_deleted() -> None:
    cloud = FakeS3({"b": [{"Key": "k", "VersionId": "1"}], "other": []})
    said = tear_down([STARTED, intended("b"), created("b")], cloud)
    assert cloud.buckets == {"other": []}
    assert (finished(said).outcome, finished(said).gone) == ("clean", 1)


def test_youngest_first() -> None:
    cloud = FakeS3({"a": [], "b": []})
    said = tear_down([STARTED, intended("a"), created("a"), intended("b"), created("b")], cloud)
    assert [event.resource for event in said if isinstance(event, ResourceGone)] == ["b", "a"]


@pytest.mark.parametrize(("buckets", "how"), [({"b": []}, "deleted"), ({}, "never created")])
def test_an_unanswered_call_is_looked_up(buckets: dict[str, Any], how: str) -> None:
    cloud = FakeS3(buckets)
    said = tear_down([STARTED, intended("b")], cloud)
    assert [event.how for event in said if isinstance(event, ResourceGone)] == [how]
    assert not cloud.buckets


def test_what_is_gone_already_counts_as_gone() -> None:
    said = tear_down([STARTED, intended("b"), created("b")], FakeS3())
    assert [event.how for event in said if isinstance(event, ResourceGone)] == ["already gone"]


def test_a_second_teardown_has_nothing_to_do() -> None:
    cloud = FakeS3({"b": []})
    events: list[Event] = [STARTED, intended("b"), created("b")]
    events += tear_down(events, cloud)
    cloud.calls.clear()
    assert finished(tear_down(events, cloud)).gone == 0
    assert not cloud.calls


def test_a_held_resource_is_tried_again() -> None:
    busy = Refusal("OperationAborted", "A conflicting operation is in progress", 409)
    cloud = FakeS3({"b": []}, fail={"delete_bucket": [busy, busy]})
    said = tear_down([STARTED, intended("b"), created("b")], cloud)
    assert [event.code for event in said if isinstance(event, ResourceHeld)] == ["OperationAborted"]
    assert finished(said).outcome == "clean"


def test_what_cannot_be_deleted_is_left_and_named() -> None:
    denied = Refusal("AccessDenied", "Access Denied", 403)
    cloud = FakeS3({"b": []}, fail={"delete_bucket": [denied]})
    said = tear_down([STARTED, intended("b"), created("b")], cloud)
    left = [event for event in said if isinstance(event, ResourceLeft)]
    assert [(event.code, event.next_command) for event in left] == [
        ("AccessDenied", "aws s3 rb --force s3://b")
    ]
    assert finished(said).left == ["s3.bucket b"]


def test_holding_for_ever_ends_in_left_behind() -> None:
    busy = Refusal("OperationAborted", "A conflicting operation is in progress", 409)
    cloud = FakeS3({"b": []}, fail={"delete_bucket": [busy] * 1000})
    said = tear_down([STARTED, intended("b"), created("b")], cloud)
    assert finished(said).outcome == "left_behind"


def test_with_its_cloud_everything_is_gone() -> None:
    cloud = FakeS3()
    said = tear_down([STARTED, intended("b"), created("b")], cloud, vanished=True)
    assert finished(said).outcome == "clean"
    assert not cloud.calls
