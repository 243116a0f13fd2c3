"""The HTTP server itself: what it accepts, what it refuses, and its control calls."""

import http.client
import json
import socket
import stat
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from labrunner.localcloud.server import Server, Settings

from .conftest import (
    ACCESS_KEY,
    REGION,
    SECRET_KEY,
    LocalCloud,
    public,
    put_policy,
    refused,
    running,
)

CHUNKED = b"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"


def talk(cloud: LocalCloud, *parts: bytes, close: bool = False) -> bytes:
    """Send bytes as they are, and return all that comes back until the server closes."""
    with closing(socket.create_connection(("127.0.0.1", cloud.server.port), timeout=20)) as sock:
        for part in parts:
            sock.sendall(part)
        if close:
            sock.shutdown(socket.SHUT_WR)
        found = b""
        while chunk := sock.recv(65536):
            found += chunk
        return found


@pytest.fixture
def writable(s3: Any, open_bucket: str) -> str:
    put_policy(s3, open_bucket, public(open_bucket, "s3:PutObject", "s3:GetObject"))
    return open_bucket


def test_keeps_the_connection_open(cloud: LocalCloud, bucket: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port, timeout=20)
    with closing(connection):
        sources = set()
        for _ in range(3):
            connection.request("GET", f"/{bucket}")
            response = connection.getresponse()
            response.read()
            assert response.status == 403
            sources.add(connection.sock.getsockname() if connection.sock else None)
        assert len(sources) == 1


def test_connection_close_is_obeyed(cloud: LocalCloud) -> None:
    answer = talk(cloud, b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"Connection: close" in answer


def test_two_requests_in_one_packet(cloud: LocalCloud) -> None:
    one = b"GET /missing-bucket HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = talk(cloud, one, one, close=True)
    assert answer.count(b"HTTP/1.1 404 Not Found") == 2


def test_expect_continue(cloud: LocalCloud, writable: str) -> None:
    head = f"PUT /{writable}/k HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    with closing(socket.create_connection(("127.0.0.1", cloud.server.port), timeout=20)) as sock:
        sock.sendall(f"{head}Content-Length: 3\r\nConnection: close\r\n\r\n".encode())
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"abc")
        assert sock.recv(100).startswith(b"HTTP/1.1 200 OK")
    assert cloud.anonymous("GET", writable, "k").body == b"abc"


def test_chunked_transfer_encoding(cloud: LocalCloud, writable: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port, timeout=20)
    with closing(connection):
        parts = iter([b"one ", b"two ", b"x" * 70000])
        connection.request("PUT", f"/{writable}/c", parts, encode_chunked=True)
        assert connection.getresponse().status == 200
    assert cloud.anonymous("GET", writable, "c").body == b"one two " + b"x" * 70000


def test_big_body_there_and_back(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    body = bytes(range(256)) * 80_000  # 20 MB
    s3.put_object(Bucket=bucket, Key="big", Body=body)
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == body


def test_head_has_a_length_and_no_body(cloud: LocalCloud, writable: str) -> None:
    cloud.anonymous("PUT", writable, "k")
    path = f"HEAD /{writable}/k HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = talk(cloud, path.encode())
    assert b"Content-Length: 11" in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n",
        b"GET x HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Header: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ten\r\n\r\n",
        b"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
        CHUNKED + b"Content-Length: 3\r\n\r\n",
        CHUNKED + b"\r\nzz\r\n",
        b"GET / HTTP/1.1\r\n" + b"x" * 70000 + b": 1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: 1\r\n" * 300 + b"\r\n",
    ],
)
def test_what_is_no_http_is_refused(cloud: LocalCloud, request_bytes: bytes) -> None:
    assert talk(cloud, request_bytes).startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: local",
        b"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf",
    ],
)
def test_a_client_that_leaves_is_forgotten(
    cloud: LocalCloud, part: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    assert talk(cloud, part, close=True) == b""
    assert cloud.http("GET", "/still-there").status == 404
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 404),
        ("localhost:4566", 404),
        ("127.0.0.1", 404),
        ("[::1]:80", 404),
        ("missing.s3.localhost", 404),
        ("123456789012.localhost", 404),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("10.0.0.1", 403),
        ("", 403),
    ],
)
def test_only_its_own_names_are_answered(cloud: LocalCloud, host: str, status: int) -> None:
    answer = cloud.http("GET", "/missing-bucket/key", headers={"Host": host})
    assert answer.status == status


def test_virtual_host_style(cloud: LocalCloud, writable: str) -> None:
    cloud.anonymous("PUT", writable, "a/b c")
    for host in (f"{writable}.s3.localhost", f"{writable}.s3.eu-west-1.localhost:80"):
        assert cloud.http("GET", "/a/b%20c", headers={"Host": host}).body == b"from nobody"
    assert cloud.http("GET", f"/{writable}/a/b%20c", headers={"Host": "s3.localhost"}).status == 200


def test_a_port_that_is_taken(cloud: LocalCloud) -> None:
    with pytest.raises(OSError, match="in use"):
        Server(cloud.server.settings, port=cloud.server.port)


def test_status_needs_the_secret(cloud: LocalCloud) -> None:
    for headers in ({}, {"Authorization": "Bearer no"}, {"Authorization": SECRET_KEY}):
        assert cloud.http("GET", "/_labrunner/status", headers=headers).status == 403
    good = {"Authorization": f"Bearer {SECRET_KEY}"}
    answer = cloud.http("GET", "/_labrunner/status", headers=good)
    assert json.loads(answer.body)["cloud_id"] == cloud.server.settings.cloud_id
    assert cloud.http("POST", "/_labrunner/nothing", headers=good).status == 404


def test_idle_counts_aws_calls_only(tmp_path: Path) -> None:
    ticks = [100.0]
    for cloud in running(tmp_path, clock=lambda: ticks[0]):
        ticks[0] = 105.0
        assert cloud.server.idle_seconds == 5
        cloud.http("GET", "/_labrunner/status", headers={"Authorization": f"Bearer {SECRET_KEY}"})
        assert cloud.server.idle_seconds == 5
        cloud.http("GET", "/missing-bucket")
        assert cloud.server.idle_seconds == 0


def test_empty_until_something_lives_in_it(tmp_path: Path) -> None:
    for cloud in running(tmp_path):
        assert cloud.server.is_empty
        s3, iam, ssm, ec2 = map(cloud.client, ("s3", "iam", "ssm", "ec2"))
        s3.create_bucket(Bucket="lives-in-the-cloud")
        assert not cloud.server.is_empty
        s3.delete_bucket(Bucket="lives-in-the-cloud")
        iam.create_user(UserName="lives")
        assert not cloud.server.is_empty
        iam.delete_user(UserName="lives")
        ssm.put_parameter(Name="lives", Value="v", Type="String")
        assert not cloud.server.is_empty
        ssm.delete_parameter(Name="lives")
        ec2.describe_vpcs()
        assert cloud.server.is_empty
        ec2.create_key_pair(KeyName="lives")
        assert not cloud.server.is_empty
        ec2.delete_key_pair(KeyName="lives")
        assert cloud.server.is_empty


def test_shutdown_by_a_control_call(tmp_path: Path) -> None:
    for cloud in running(tmp_path):
        answer = cloud.http(
            "POST", "/_labrunner/shutdown", headers={"Authorization": f"Bearer {SECRET_KEY}"}
        )
        assert answer.status == 202
        cloud.thread.join(10)
        assert not cloud.thread.is_alive()
        with pytest.raises(ConnectionError):
            cloud.http("GET", "/")


def test_shutdown_closes_kept_connections(tmp_path: Path) -> None:
    for cloud in running(tmp_path):
        address = ("127.0.0.1", cloud.server.port)
        with closing(socket.create_connection(address, timeout=20)) as kept:
            kept.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert kept.recv(12) == b"HTTP/1.1 404"
            cloud.server.shutdown()
            while kept.recv(65536):
                pass


def test_shutdown_before_serving(tmp_path: Path) -> None:
    settings = Settings(ACCESS_KEY, SECRET_KEY, REGION, "999999999999", "id", tmp_path)
    server = Server(settings)
    server.shutdown()
    server.serve_forever()


def test_many_clients_at_once(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def put(number: int) -> None:
        for turn in range(5):
            s3.put_object(Bucket=bucket, Key="same", Body=f"{number} {turn}".encode())

    threads = [threading.Thread(target=put, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert len({one["VersionId"] for one in versions}) == 30


def test_the_log_is_private_and_holds_the_traceback(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from labrunner.localcloud import services

    def fail(_: object) -> None:
        raise RuntimeError("out of order")

    found = services.find("sts")
    assert found is not None
    monkeypatch.setitem(found.handlers, "GetCallerIdentity", fail)
    log = cloud.server.settings.directory / "server.log"
    status, code, message = refused(cloud.client("sts").get_caller_identity)
    assert (status, code) == (500, "InternalFailure")
    assert message == "sts.GetCallerIdentity failed: RuntimeError: out of order"
    assert "Traceback" in log.read_text("utf-8")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert capfd.readouterr().err == ""
