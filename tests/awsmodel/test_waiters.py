from typing import Any

import pytest

from labrunner.awsmodel import Models, Waiter
from labrunner.outcome import Answer, Refusal


@pytest.fixture(scope="module")
def models() -> Models:
    return Models()


def _waiter(models: Models, service: str, name: str) -> Waiter:
    waiter = models.waiter(service, name)
    assert waiter
    return waiter


def test_waiters_go_by_both_their_names(models: Models) -> None:
    assert models.waiter("s3", "BucketExists") is models.waiter("s3", "bucket_exists")
    assert models.waiter("s3", "bucket_is_green") is None
    assert "bucket_exists" in [waiter.name for waiter in models.waiters("s3")]


@pytest.mark.parametrize(
    ("service", "name", "words"),
    [
        ("emr", "cluster_running", "Cluster.Status.State is RUNNING or WAITING"),
        ("ec2", "instance_running", "each of Reservations[].Instances[].State.Name is running"),
        ("ec2", "instance_exists", "length(Reservations[]) > `0`"),
        ("s3", "bucket_exists", "the answer has HTTP status 200 or 301 or 403"),
        (
            "rds",
            "db_instance_deleted",
            "length(DBInstances) == `0` or the call is refused with DBInstanceNotFound",
        ),
    ],
)
def test_waits_in_words(models: Models, service: str, name: str, words: str) -> None:
    assert _waiter(models, service, name).words == words


def _cluster(state: str) -> Answer:
    return Answer({"Cluster": {"Status": {"State": state}}})


@pytest.mark.parametrize(
    ("state", "verdict"),
    [("STARTING", "again"), ("WAITING", "done"), ("TERMINATED", "failed")],
)
def test_a_path(models: Models, state: str, verdict: str) -> None:
    judged = _waiter(models, "emr", "cluster_running").judge(_cluster(state))
    assert judged.state == verdict
    assert judged.reason == f"Cluster.Status.State is {state}"


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        (["running", "running"], "done"),
        (["running", "pending"], "again"),
        (["running", "terminated"], "failed"),
        ([], "again"),
    ],
)
def test_all_and_any(models: Models, states: list[str], verdict: str) -> None:
    instances = [{"State": {"Name": state}} for state in states]
    answer = Answer({"Reservations": [{"Instances": instances}]})
    assert _waiter(models, "ec2", "instance_running").judge(answer).state == verdict


def test_a_status(models: Models) -> None:
    waiter = _waiter(models, "s3", "bucket_exists")
    found: Any = {"ResponseMetadata": {"HTTPStatusCode": 200}}
    assert waiter.judge(Answer(found)).state == "done"
    assert waiter.judge(Refusal("404", "Not Found", status=404)).state == "again"


def test_an_error(models: Models) -> None:
    waiter = _waiter(models, "redshift", "cluster_deleted")
    assert waiter.judge(Refusal("ClusterNotFound", "gone")).state == "done"
    unexpected = waiter.judge(Refusal("AccessDenied", "no", request_id="r"))
    assert (unexpected.state, unexpected.reason) == ("failed", "AccessDenied: no (request r)")


def test_any_error_and_none() -> None:
    def waiter(expected: bool) -> Waiter:  # noqa: FBT001
        acceptors = [{"state": "success", "matcher": "error", "expected": expected}]
        return Waiter("s", "w", "o", {"delay": 1, "maxAttempts": 2, "acceptors": acceptors})

    answer, refusal = Answer({}), Refusal("X", "x")
    assert waiter(expected=True).judge(refusal).state == "done"
    assert waiter(expected=True).judge(answer).state == "again"
    assert waiter(expected=False).judge(answer).state == "done"
    assert waiter(expected=False).judge(refusal).state == "failed"
    assert waiter(expected=True).words == "the call is refused"
    assert (waiter(expected=True).delay, waiter(expected=True).max_attempts) == (1.0, 2)
