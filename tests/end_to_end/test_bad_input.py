"""What a user gets wrong is told in words, and nothing is created."""

import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.user import User

HEAD = """lab: {name}
title: Bad
area: Tests
replaces: {{what: nothing, minutes: 1}}
estimate: {{minutes: 1, usd: 0.01}}
objectives: [fail]
"""
BUCKET = """steps:
  - id: bucket
    title: A bucket
    aws: s3.create_bucket
    with: {Bucket: "${{ run.name }}-x"}
"""
KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}


def lab(folder: Path, name: str, text: str) -> Path:
    path = folder / "labs" / name / "lab.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(HEAD.format(name=name) + text)
    return path


def refused(user: User, *arguments: str, code: int) -> str:
    """Run a command that must fail so, with no traceback, and with no cloud started for it."""
    done = user.run(*arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "not running" in user.run("cloud", "status").stdout
    return done.stderr


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path)


def test_an_unknown_lab_has_its_nearest_name(user: User) -> None:
    said = refused(user, "run", "s3-intr", code=2)
    assert "there is no lab 's3-intr'" in said
    assert "did you mean 's3-intro'?" in said
    assert "labrunner list" in said
    assert "there is no lab 'nolab'" in refused(user, "teardown", "nolab", code=2)
    assert "there is no lab 'nolab'" in refused(user, "status", "nolab", code=2)


def test_wrong_params_are_named(user: User) -> None:
    assert "there is no param `x`" in refused(user, "run", "s3-intro", "-p", "x=1", code=2)
    assert "expected name=value" in refused(user, "run", "s3-intro", "-p", "x", code=2)


def test_a_wrong_param_value_says_what_is_right(user: User) -> None:
    params = "params: {size: {type: integer, description: how many, default: 1, maximum: 5}}\n"
    lab(user.folder, "sized", params + BUCKET)
    assert "size" in refused(user, "run", "sized", "-p", "size=many", code=2)
    assert "5" in refused(user, "run", "sized", "-p", "size=6", code=2)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("steps: [", ":7:9:", "a value is missing here"),
        (BUCKET + "area: Again\n", ":12:1:", "the key `area` is here twice"),
        (BUCKET.replace("run.name", "run.nam"), ":11:", "did you mean 'name'?"),
        (BUCKET.replace("run.name", "run.name +"), ":11:", "not a JMESPath expression"),
        (BUCKET.replace("Bucket:", "Bukket:"), ":11:", "did you mean 'Bucket'?"),
        (BUCKET.replace("create_bucket", "creat_bucket"), ":10:", "create_bucket"),
        (
            BUCKET + "  - id: put\n    title: Put\n    aws: s3.put_object\n    with: {Bucket: "
            '"${{ steps.bucket.with.Bucket }}", Key: k, Body: "${{ file(\'none.png\') }}"}\n',
            ":15:", "there is no file 'none.png'",
        ),
    ],
)  # fmt: skip
def test_a_broken_lab_is_told_by_line_and_column(
    user: User, text: str, place: str, said: str
) -> None:
    path = lab(user.folder, "bad", text)
    told = refused(user, "run", "bad", code=2)
    assert f"{path.relative_to(user.folder)}{place}" in told
    assert said in told
    assert user.run("validate", "labs/bad").stderr.startswith(f"labs/bad/lab.yaml{place}")


def test_a_link_out_of_the_lab_is_refused_and_not_read(user: User, tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text(HEAD.format(name="linked") + BUCKET)
    (tmp_path / "labs/linked").mkdir(parents=True)
    (tmp_path / "labs/linked/lab.yaml").symlink_to(outside)
    assert "leads out of the lab's folder" in refused(user, "run", "linked", code=2)
    assert "leads out of the lab's folder" in user.run("list").stdout


def test_a_file_outside_the_lab_is_refused(user: User) -> None:
    lab(user.folder, "out", BUCKET.replace("run.name", "text('../../secret')"))
    assert "does not lead to a file in the lab's folder" in refused(user, "run", "out", code=2)


def test_aws_without_credentials_region_or_profile(tmp_path: Path) -> None:
    aws = ("run", "s3-intro", "--target", "aws", "--yes")
    nothing = {"AWS_EC2_METADATA_DISABLED": "true"}
    assert "no AWS region is set" in refused(User(tmp_path, None, **nothing), *aws, code=2)
    region = {**nothing, "AWS_DEFAULT_REGION": "us-east-1"}
    said = refused(User(tmp_path, None, **region), *aws, code=1)
    assert "Unable to locate credentials" in said
    assert "aws configure" in said
    said = refused(User(tmp_path, None, **region, AWS_PROFILE="nope"), *aws, code=1)
    assert "nope" in said


def test_an_endpoint_that_is_none(tmp_path: Path) -> None:
    user = User(tmp_path, None, **KEYS)
    said = refused(user, "run", "s3-intro", "--target", "ftp://x", code=2)
    assert "local, aws, or an address" in said
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    assert "Could not connect" in refused(user, "run", "s3-intro", "--target", address, code=1)


@pytest.fixture
def page() -> Iterator[str]:
    """The address of a server that speaks no AWS protocol."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_error(501)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_endpoint_that_speaks_something_else(tmp_path: Path, page: str) -> None:
    said = refused(User(tmp_path, None, **KEYS), "run", "s3-intro", "--target", page, code=1)
    assert "what it answers is not AWS's protocol" in said


def test_expired_credentials_are_told_with_aws_own_words(tmp_path: Path) -> None:
    cloud = User(tmp_path / "one", tmp_path)
    assert cloud.run("run", "s3-intro", "--teardown").returncode == 0
    address = next(
        line.split("=", 1)[1]
        for line in cloud.run("cloud", "env").stdout.splitlines()
        if "AWS_ENDPOINT_URL" in line
    )
    try:
        user = User(tmp_path / "two", tmp_path, **KEYS)
        said = refused(user, "run", "s3-intro", "--target", address, code=1)
        assert "AWS refused your credentials" in said
        assert "InvalidClientTokenId" in said
        assert "request " in said
    finally:
        cloud.run("cloud", "stop")


def test_a_port_in_use(user: User, page: str) -> None:
    said = refused(user, "cloud", "start", "--port", page.rpartition(":")[2], code=1)
    assert "Another program listens on port" in said


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    user = User(tmp_path, LABRUNNER_HOME=str(tmp_path / "file/home"))
    done = user.run("run", "s3-intro")
    assert done.returncode == 1
    assert "cannot be made" in done.stderr
    assert "LABRUNNER_HOME=" in done.stderr


def test_ctrl_c_stops_after_the_call_and_says_what_is_live(user: User) -> None:
    wait = """  - id: never
    title: Wait for what never comes
    aws: s3.list_objects_v2
    with: {Bucket: "${{ steps.bucket.with.Bucket }}"}
    until: {that: "result.KeyCount == `5`", every: 1, timeout: 600}
"""
    lab(user.folder, "slow", BUCKET + wait)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "labrunner", "run", "slow"],
        env=user.env, cwd=user.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "waiting" in line:
                break
        assert "running, 1 resource live" in user.run("list").stdout
        assert "is busy" in user.run("teardown").stderr
        os.kill(process.pid, signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(timeout=30) == 130
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert "slow was interrupted" in rest
    assert "Tear it down: labrunner teardown" in rest
    assert len(user.buckets()) == 1
    assert user.run("teardown").returncode == 0
    assert user.buckets() == []
    user.run("cloud", "stop")
