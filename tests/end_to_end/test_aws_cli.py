"""The AWS CLI with nothing but the variables that `labrunner cloud env` prints."""

import hashlib
import json
import random
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from tests.end_to_end.user import User

LAB = "s3-intro"
LAB_FILES = Path(__file__).parents[2] / "labs" / LAB
# The CLI retries what looks like a passing error with growing pauses: a refusal must come at once.
AT_ONCE = 20


class Learner(User):
    """A user who types `aws` commands after `labrunner cloud env`."""

    @cached_property
    def variables(self) -> dict[str, str]:
        lines = [shlex.split(line) for line in self.run("cloud", "env").stdout.splitlines()]
        assert {line[0] for line in lines} == {"export", "unset"}
        return dict(line[1].split("=", 1) for line in lines if line[0] == "export")

    def aws(
        self, *arguments: str, timeout: float = 120, **variables: str
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "awscli", *arguments],
            env={**self.env, **self.variables, **variables},
            cwd=self.folder, capture_output=True, timeout=timeout, check=False,
        )  # fmt: skip

    def says(self, *arguments: str) -> str:
        """Return what a command prints that must succeed."""
        done = self.aws(*arguments)
        assert (done.returncode, done.stderr.decode()) == (0, "")
        return done.stdout.decode()

    def refused(self, *arguments: str, **variables: str) -> str:
        """Return what a command complains that must be refused, and soon."""
        done = self.aws(*arguments, timeout=AT_ONCE, **variables)
        assert done.returncode != 0
        assert done.stdout == b""
        return done.stderr.decode()


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Learner]:
    learner = Learner(tmp_path_factory.mktemp("home"))
    yield learner
    learner.run("cloud", "stop")


@pytest.fixture
def bucket(learner: Learner) -> Iterator[str]:
    learner.says("s3", "mb", "s3://made-by-hand")
    yield "made-by-hand"
    learner.says("s3", "rb", "--force", "s3://made-by-hand")
    assert learner.says("s3", "ls") == ""


@pytest.fixture
def large(learner: Learner) -> Path:
    """A file of 20 MB, of which no two parts are alike."""
    path = learner.folder / "large.bin"
    path.write_bytes(random.Random(20).randbytes(20_000_000))
    return path


def versions(said: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Return key and version of what a run says that it put and did not delete again."""
    action = {event["step"]: event["action"] for event in said if event["kind"] == "step_started"}
    found: set[tuple[str, str]] = set()
    for event in said:
        if event["kind"] != "step_finished":
            continue
        every = event["result"] if isinstance(event["result"], list) else [event["result"]]
        given = event["arguments"] if isinstance(event["arguments"], list) else [event["arguments"]]
        for arguments, result in zip(given, every, strict=True):
            if action[event["step"]] == "s3.put_object":
                found.add((arguments["Key"], result.get("VersionId", "null")))
            elif action[event["step"]] == "s3.delete_object" and "VersionId" in arguments:
                found.discard((arguments["Key"], arguments["VersionId"]))
            elif action[event["step"]] == "s3.delete_object":
                found.add((arguments["Key"], result["VersionId"]))
    return found


def test_the_cli_sees_what_the_run_reported(learner: Learner) -> None:
    said = learner.events("run", LAB)
    assert said[-1]["outcome"] == "passed"
    (name,) = [live["name"] for live in said[-1]["live"]]
    assert [line.split()[-1] for line in learner.says("s3", "ls").splitlines()] == [name]
    listed = json.loads(learner.says("s3api", "list-object-versions", "--bucket", name))
    seen = {(one["Key"], one["VersionId"]) for one in listed["Versions"]}
    assert seen == versions(said)
    assert len(seen) >= 5
    assert listed.get("DeleteMarkers", []) == []
    keys = {line.split()[-1] for line in learner.says("s3", "ls", f"s3://{name}").splitlines()}
    assert keys == {key for key, _ in seen}
    downloaded = learner.aws("s3", "cp", f"s3://{name}/sheep.png", "-").stdout
    assert downloaded == (LAB_FILES / "sheep.png").read_bytes()

    torn = learner.events("teardown")
    assert torn[-1]["outcome"] == "clean"
    assert learner.says("s3", "ls") == ""
    missing = learner.refused("s3api", "list-object-versions", "--bucket", name)
    assert "(NoSuchBucket)" in missing


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": "AKIAWRONGWRONGWRONG1"}, "InvalidAccessKeyId"),
    ],
)
def test_wrong_credentials_are_refused(
    learner: Learner, variables: dict[str, str], code: str
) -> None:
    assert f"({code})" in learner.refused("s3", "ls", **variables)
    assert learner.says("s3", "ls") == ""


@pytest.mark.parametrize(
    ("arguments", "called", "named"),
    [
        (["polly", "describe-voices"], "DescribeVoices", "polly.DescribeVoices"),
        (
            ["s3api", "list-bucket-metrics-configurations", "--bucket", "made-by-hand"],
            "ListBucketMetricsConfigurations",
            "s3.ListBucketMetricsConfigurations",
        ),
    ],
)
@pytest.mark.usefixtures("bucket")
def test_what_is_not_there_is_said_at_once(
    learner: Learner, arguments: list[str], called: str, named: str
) -> None:
    complaint = learner.refused("--debug", *arguments)
    assert '" 501 ' in complaint
    assert f"An error occurred (NotImplemented) when calling the {called} operation" in complaint
    assert f"The local cloud does not implement {named}" in complaint


def test_a_large_file_comes_back_intact(learner: Learner, bucket: str, large: Path) -> None:
    address, back = f"s3://{bucket}/large.bin", large.with_name("back.bin")
    learner.says("s3", "cp", "--no-progress", str(large), address)
    head = json.loads(learner.says("s3api", "head-object", "--bucket", bucket, "--key", large.name))
    assert head["ContentLength"] == 20_000_000
    assert head["ETag"].endswith('-3"'), "it was not sent in parts"
    learner.says("s3", "cp", "--no-progress", address, str(back))
    assert _sha256(back) == _sha256(large)
    uploads = learner.says("s3api", "list-multipart-uploads", "--bucket", bucket)
    assert "Uploads" not in (json.loads(uploads) if uploads else {})


def test_a_presigned_address_opens_one_object(learner: Learner, bucket: str) -> None:
    for name in ("open.txt", "closed.txt"):
        path = learner.folder / name
        path.write_text(f"this is {name}", encoding="utf-8")
        learner.says("s3", "cp", "--no-progress", str(path), f"s3://{bucket}/{name}")
    # Version 1 of the CLI presigns with the old signature unless it is told otherwise.
    learner.says("configure", "set", "default.s3.signature_version", "s3v4")
    address = learner.says("s3", "presign", f"s3://{bucket}/open.txt").strip()
    assert _get(address) == (200, b"this is open.txt")
    assert _get(address.replace("open.txt", "closed.txt"))[0] == 403
    assert _get(urlsplit(address)._replace(query="").geturl())[0] == 403


def _get(address: str) -> tuple[int, bytes]:
    with urllib3.PoolManager() as pool:
        response = pool.request("GET", address, timeout=AT_ONCE, retries=False)
        return response.status, response.data


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
