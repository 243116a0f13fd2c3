"""s3-intro on the local cloud, as a user runs it: every claim proved, nothing left."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

LAB = "s3-intro"


class User:
    """Runs commands with a home of its own, without any AWS configuration."""

    def __init__(self, home: Path) -> None:
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LABRUNNER_HOME": str(home / "state"),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "labrunner", *arguments],
            env=self.env, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def events(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*arguments, "--json").stdout.splitlines()]

    def buckets(self) -> list[str]:
        variables = dict(
            line.removeprefix("export ").split("=", 1)
            for line in self.run("cloud", "env").stdout.splitlines()
        )
        client: Any = botocore.session.Session().create_client(
            "s3",
            region_name=variables["AWS_DEFAULT_REGION"],
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        )
        try:
            return [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
        finally:
            client.close()


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
