"""s3-intro on the local cloud, as a user runs it: every claim proved, nothing left."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.user import User

LAB = "s3-intro"


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    user = User(tmp_path_factory.mktemp("home"))
    yield user
    user.run("cloud", "stop")


def test_every_claim_is_proved_and_nothing_is_left(user: User) -> None:
    said = user.events("run", LAB)
    assert said[0]["schema"] == 1
    assert said[-1]["kind"] == "run_finished"
    assert (said[-1]["outcome"], said[-1]["checks"]["failed"]) == ("passed", 0)
    assert said[-1]["checks"]["passed"] == sum(event["kind"] == "check_finished" for event in said)
    assert said[-1]["checks"]["passed"] >= 20
    assert len(user.buckets()) == 1
    torn = user.events("teardown")
    assert (torn[-1]["kind"], torn[-1]["outcome"], torn[-1]["left"]) == (
        "teardown_finished", "clean", [],
    )  # fmt: skip
    assert user.buckets() == []
    again = user.run("teardown")
    assert again.returncode == 0


def test_teardown_at_the_end(user: User) -> None:
    said = user.events("run", LAB, "--teardown")
    assert (said[-1]["kind"], said[-1]["outcome"], said[-1]["live"]) == (
        "run_finished", "passed", [],
    )  # fmt: skip
    assert user.buckets() == []


def test_with_its_cloud_everything_is_gone(user: User) -> None:
    assert user.run("run", LAB).returncode == 0
    user.run("cloud", "stop")
    torn = user.events("teardown")
    assert torn[-1]["outcome"] == "clean"
    assert [event["how"] for event in torn if event["kind"] == "resource_gone"] == [
        "its local cloud has ended"
    ]
