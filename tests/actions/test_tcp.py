"""TCP connections: what a port does is an answer."""

import contextlib
import socket
import sys
import time
from typing import Any

import pytest

from labrunner.actions import tcp
from labrunner.outcome import Answer, Call, Outcome, Refusal


def connect(**arguments: Any) -> Outcome:
    return tcp.perform(Call("tcp", "connect", arguments))


def seen(**arguments: Any) -> dict[str, Any]:
    outcome = connect(**arguments)
    assert isinstance(outcome, Answer), outcome
    found: dict[str, Any] = outcome.result
    assert set(found) == {"state", "seconds", "reason"}
    return found


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_open_port_is_hung_up_at_once(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = seen(host=host, port=port)
        sock, _ = server.accept()
        with sock:
            sock.settimeout(20)
            assert sock.recv(1) == b""
    assert found["state"] == "open"
    assert found["reason"] == f"port {port} of {host} accepts the connection"
    assert 0 <= found["seconds"] < 10


def test_a_closed_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found = seen(host="127.0.0.1", port=port)
    assert found["state"] == "refused"
    assert found["reason"] == f"port {port} of 127.0.0.1 refuses the connection"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux leaves a full queue unanswered")
def test_a_silent_port() -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as server,
        contextlib.ExitStack() as full,
    ):
        port = server.getsockname()[1]
        for _ in range(8):
            sock = full.enter_context(socket.socket())
            sock.settimeout(0)
            sock.connect_ex(("127.0.0.1", port))
        started = time.monotonic()
        found = seen(host="127.0.0.1", port=port, timeout=0.3)
        assert 0.3 <= time.monotonic() - started < 5
    assert found["state"] == "timeout"
    assert found["reason"] == f"port {port} of 127.0.0.1 does not answer within 0.3 s"
    assert 0.3 <= found["seconds"] < 5


def test_an_address_that_no_connection_can_go_to() -> None:
    found = seen(host="255.255.255.255", port=80, timeout=5)
    assert found["state"] == "unreachable"
    assert found["reason"].startswith("255.255.255.255 cannot be reached: ")


def test_a_name_without_an_address() -> None:
    outcome = connect(host="no-such-host.invalid", port=80)
    assert isinstance(outcome, Refusal)
    assert outcome.code == "NameNotResolved"
    assert "no-such-host.invalid" in outcome.message


@pytest.mark.parametrize(
    "wrong",
    [{"port": 0}, {"port": 65536}, {"host": "a b"}, {"host": "-x"}, {"timeout": 0}, {"more": 1}],
)
def test_arguments_that_are_refused(wrong: dict[str, Any]) -> None:
    outcome = connect(**{"host": "127.0.0.1", "port": 1, **wrong})
    assert isinstance(outcome, Refusal)
    assert outcome.code == "InvalidArgument"
    assert outcome.message.startswith(next(iter(wrong)))
