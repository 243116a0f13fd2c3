"""Datasets are uploaded as they are made, whole, and with what holds for them."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from labrunner import datasets
from labrunner.actions.dataset import Datasets
from labrunner.outcome import Answer, Call, Refusal
from tests.localcloud.conftest import LocalCloud, running


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    yield from running(tmp_path_factory.mktemp("cloud"))


@pytest.fixture
def upload(cloud: LocalCloud) -> Callable[..., Any]:
    def upload(name: str, **arguments: Any) -> Any:
        told: list[str] = []
        call = Call("dataset", name, arguments, report=told.append)
        return Datasets(cloud.client).perform(call), told

    return upload


def test_every_byte_arrives(cloud: LocalCloud, upload: Callable[..., Any]) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="dataset-arrives")
    outcome, told = upload("redshift-users", Bucket="dataset-arrives", Prefix="tickit/")
    assert isinstance(outcome, Answer)
    [one] = outcome.result["objects"]
    body = s3.get_object(Bucket="dataset-arrives", Key="tickit/allusers_pipe.txt")["Body"].read()
    [file] = datasets.make("redshift-users")
    assert body == b"".join(file.chunks())
    assert one == {
        "Key": "tickit/allusers_pipe.txt",
        "Bytes": len(body),
        "SHA256": hashlib.sha256(body).hexdigest(),
    }
    assert outcome.result["facts"]["in_florida"] == 510
    assert told[-1] == "uploaded tickit/allusers_pipe.txt"


def test_params_are_passed_on(cloud: LocalCloud, upload: Callable[..., Any]) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="dataset-params")
    outcome, _ = upload("cloudfront-logs", Bucket="dataset-params", params={"rows": 100})
    listed = s3.list_objects_v2(Bucket="dataset-params")["Contents"]
    assert [one["Key"] for one in listed] == [one["Key"] for one in outcome.result["objects"]]
    assert outcome.result["facts"]["records"] == 100


def test_a_refusal_of_s3_is_told(upload: Callable[..., Any]) -> None:
    outcome, _ = upload("words", Bucket="dataset-no-such-bucket", params={"words": 1000})
    assert isinstance(outcome, Refusal)
    assert outcome.code == "NoSuchBucket"
