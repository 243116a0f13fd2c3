"""Commands by SSH: what comes back, and every way in which it does not work."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from labrunner.outcome import Answer, Outcome, Refusal
from tests.actions.conftest import Machine, make_key
from tests.actions.ssh_server import ECDSA, ED25519, USER, SshServer, public, serving


def result(outcome: Outcome) -> dict[str, Any]:
    assert isinstance(outcome, Answer), outcome
    found: dict[str, Any] = outcome.result
    return found


def refusal(outcome: Outcome, code: str, *, certain: bool) -> str:
    assert isinstance(outcome, Refusal), outcome
    assert (outcome.code, outcome.certain) == (code, certain), outcome
    return outcome.message


def connections() -> list[threading.Thread]:
    """Return paramiko's threads: each belongs to a connection that is open."""
    return [thread for thread in threading.enumerate() if isinstance(thread, paramiko.Transport)]


def test_a_command(machine: Machine) -> None:
    found = result(machine.run("echo grüezi; echo oh >&2"))
    assert (found["stdout"], found["stderr"], found["exit_status"]) == ("grüezi\n", "oh\n", 0)
    assert found["host_key"] == ED25519.get_fingerprint("sha256")
    assert 0 < found["seconds"] < 20
    assert sorted(machine.lines) == ["grüezi", "oh"]


def test_it_is_quick(machine: Machine) -> None:
    machine.run("true")
    started = time.monotonic()
    for _ in range(3):
        result(machine.run("true"))
    assert (time.monotonic() - started) / 3 < 2


def test_bytes_that_are_no_text_are_replaced(machine: Machine) -> None:
    assert result(machine.run(r"printf '\303\050x'"))["stdout"] == "\ufffd(x"


def test_no_thread_and_no_descriptor_stays(machine: Machine) -> None:
    machine.run("true")
    open_before = len(list(Path("/dev/fd").iterdir()))
    for command in ("true", "exit 1", "DROP"):
        machine.run(command)
        assert connections() == []
    deadline = time.monotonic() + 20
    while len(list(Path("/dev/fd").iterdir())) > open_before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(list(Path("/dev/fd").iterdir())) <= open_before


@pytest.mark.parametrize(
    ("command", "fine", "status"),
    [("exit 0", [0], 0), ("exit 3", [0, 3], 3), ("exit 255", [], 255), ("kill -9 $$", [], None)],
)
def test_exit_statuses_that_are_fine(
    machine: Machine, command: str, fine: list[int], status: int | None
) -> None:
    assert result(machine.run(command, exit=fine))["exit_status"] == status


def test_an_exit_status_that_is_not(machine: Machine) -> None:
    command = "for n in 1 2 3 4 5 6 7; do echo line $n >&2; done; exit 4"
    message = refusal(machine.run(command), "UnexpectedExit", certain=False)
    assert "exit status 4, expected 0" in message
    assert "line 7" in message
    assert "line 2" not in message
    assert "expected 1 or 2" in refusal(
        machine.run("true", exit=[1, 2]), "UnexpectedExit", certain=False
    )


def test_a_signal_is_named(machine: Machine) -> None:
    message = refusal(machine.run("kill -TERM $$"), "UnexpectedExit", certain=False)
    assert "signal TERM" in message


@pytest.mark.parametrize("stdin", ["a line\nüber", b"\xc3\xbc\n", ""])
def test_stdin(machine: Machine, stdin: str | bytes) -> None:
    expected = stdin.decode() if isinstance(stdin, bytes) else stdin
    assert result(machine.run("cat", stdin=stdin))["stdout"] == expected


def test_much_goes_in_and_comes_out_at_once(machine: Machine) -> None:
    command = "tee /dev/stderr"
    found = result(machine.run(command, stdin="0123456789abcde\n" * 2**18))
    assert len(found["stdout"]) == len(found["stderr"]) == 2**22
    assert len(machine.lines) == 2**19


def test_output_before_the_input_is_read(machine: Machine) -> None:
    found = result(machine.run("head -c 15000000 /dev/zero; wc -c", stdin=b"x" * 8_000_000))
    assert found["stdout"].strip("\0 \n") == "8000000"


def test_input_that_nobody_reads(machine: Machine) -> None:
    result(machine.run("exec <&-; true", stdin=b"x" * 2**23))


def test_too_much_output(machine: Machine) -> None:
    command = "head -c 20000000 /dev/zero"
    assert "16 MiB" in refusal(machine.run(command), "OutputTooLarge", certain=False)


def test_lines_are_reported_as_they_come(machine: Machine, tmp_path: Path) -> None:
    waited_for = tmp_path / "go"

    class Lines(list[str]):
        def append(self, line: str) -> None:
            super().append(line)
            if line == "first":
                waited_for.touch()

    machine.lines = Lines()
    command = f"echo first; while ! test -e {waited_for}; do sleep 0.05; done; printf last"
    assert result(machine.run(command, timeout=20))["stdout"] == "first\nlast"
    assert machine.lines == ["first", "last"]


def test_reported_lines_cannot_steer_the_terminal(machine: Machine) -> None:
    found = result(machine.run(r"printf '10%%\r\033[31m100%%\033[0m\r\n\033]0;title\007a\tb\n'"))
    assert machine.lines == ["100%", "a\tb"]
    assert "\x1b[31m" in found["stdout"]


def test_a_silent_command_is_reported_to_run(machine: Machine) -> None:
    result(machine.run("sleep 5.5"))
    assert machine.lines == ["the command still runs (5 of 60 s)"]


def test_a_command_that_does_not_end(machine: Machine) -> None:
    message = refusal(
        machine.run("echo so far; sleep 30", timeout=0.5), "CommandTimeout", certain=False
    )
    assert "within 0.5 s" in message
    assert message.endswith("stdout: so far")


def test_a_connection_that_breaks_off(machine: Machine) -> None:
    message = refusal(machine.run("DROP"), "ConnectionLost", certain=False)
    assert "broke off while the command ran" in message
    assert "half a line" in message


def test_a_report_that_raises_ends_the_command(machine: Machine) -> None:
    class Stopped(Exception):
        pass

    class Lines(list[str]):
        def append(self, _line: str) -> None:
            raise Stopped

    machine.lines = Lines()
    with pytest.raises(Stopped):
        machine.run("echo one; sleep 60")
    assert connections() == []
    with pytest.raises(Stopped):
        machine.run("true", port=1)


def test_connecting_is_tried_until_the_server_is_there(absent: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        absent.server.port = sock.getsockname()[1]
    with contextlib.ExitStack() as stack:

        class Lines(list[str]):
            def append(self, line: str) -> None:
                if not self:
                    stack.enter_context(serving(absent.server))
                super().append(line)

        absent.lines = Lines()
        assert result(absent.run("echo there"))["stdout"] == "there\n"
    port = absent.server.port
    assert absent.lines == [
        f"port {port} of 127.0.0.1 refuses the connection; again in 0.5 s (0 of 20 s)",
        "there",
    ]


def test_a_closed_port(absent: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    outcome = absent.run("true", port=port, connect_timeout=0.7)
    assert "refuses the connection; tried for" in refusal(
        outcome, "ConnectionRefused", certain=True
    )
    assert len(absent.lines) == 2


@contextlib.contextmanager
def answering(reply: bytes | None) -> Iterator[int]:
    """Listen on a port; send the reply and hang up, or stay silent if there is none."""
    with socket.create_server(("127.0.0.1", 0)) as server, contextlib.ExitStack() as accepted:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    sock = accepted.enter_context(server.accept()[0])
                    if reply is not None:
                        sock.sendall(reply)
                        sock.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_server_that_does_not_speak_ssh(absent: Machine, reply: bytes) -> None:
    with answering(reply) as port:
        outcome = absent.run("true", port=port, connect_timeout=0.7)
    assert "before SSH begins" in refusal(outcome, "ConnectionLost", certain=True)
    assert len(absent.lines) == 2


def test_a_server_that_says_nothing(absent: Machine) -> None:
    with answering(None) as port:
        outcome = absent.run("true", port=port, connect_timeout=0.7)
    assert "stays silent" in refusal(outcome, "ConnectionTimeout", certain=True)


def test_a_name_without_an_address(absent: Machine) -> None:
    outcome = absent.run("true", host="no-such-host.invalid", port=22)
    assert "no-such-host.invalid" in refusal(outcome, "NameNotResolved", certain=True)


def test_a_key_that_opens_nothing(machine: Machine, tmp_path: Path) -> None:
    other = make_key(tmp_path / "keys", "other")["PrivateKeyFile"]
    message = refusal(machine.run("true", key_file=other), "AuthenticationFailed", certain=True)
    assert "Permission denied (publickey)" in message
    assert USER in message
    assert other in message
    assert machine.server.commands == []


def test_a_user_that_does_not_exist(machine: Machine) -> None:
    message = refusal(machine.run("true", user="root"), "AuthenticationFailed", certain=True)
    assert "Permission denied (publickey)" in message
    assert " root " in message


def test_another_host_key(machine: Machine) -> None:
    outcome = machine.run("true", host_keys=public(ECDSA))
    message = refusal(outcome, "HostKeyMismatch", certain=True)
    assert ED25519.get_fingerprint("sha256") in message
    assert ECDSA.get_fingerprint("sha256") in message
    assert "Somebody may be in between" in message
    assert machine.server.commands == []


@pytest.mark.parametrize("as_fingerprint", [True, False])
@pytest.mark.parametrize("key", [ED25519, ECDSA], ids=["ed25519", "ecdsa"])
def test_the_pinned_key_is_asked_for(absent: Machine, key: Any, as_fingerprint: bool) -> None:  # noqa: FBT001
    absent.server.host_keys = (ED25519, ECDSA)
    text = key.get_fingerprint("sha256") if as_fingerprint else public(key)
    with serving(absent.server):
        found = result(absent.run("true", host_keys=text))
    assert found["host_key"] == key.get_fingerprint("sha256")


def test_a_fingerprint_of_another_machine(absent: Machine) -> None:
    absent.server.host_keys = (ED25519, ECDSA)
    with serving(absent.server):
        outcome = absent.run("true", host_keys="SHA256:" + "A" * 43)
    message = refusal(outcome, "HostKeyMismatch", certain=True)
    assert ED25519.get_fingerprint("sha256") in message
    assert ECDSA.get_fingerprint("sha256") in message


@pytest.mark.parametrize("text", ["", "# none\n", "[    0.000000] Linux version 6.1\r\nbooting"])
def test_no_host_keys(absent: Machine, text: str) -> None:
    # Nothing listens: the refusal comes before connecting.
    outcome = absent.run("true", host_keys=text, port=1)
    assert "cannot recognise" in refusal(outcome, "NoHostKeys", certain=True)
    assert absent.lines == []


def test_key_files_that_cannot_be_used(absent: Machine, tmp_path: Path) -> None:
    def unreadable(path: Path) -> str:
        outcome = absent.run("true", key_file=str(path), port=1)
        assert absent.lines == []
        return refusal(outcome, "KeyUnreadable", certain=True)

    assert "No such file" in unreadable(tmp_path / "missing")
    assert "is no file" in unreadable(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "is no file" in unreadable(tmp_path / "pipe")
    (tmp_path / "text").write_text("secret words")
    (tmp_path / "text").chmod(0o600)
    assert unreadable(tmp_path / "text") == f"{tmp_path / 'text'} holds no private key"
    locked = tmp_path / "locked"
    locked.write_bytes(ED25519.export_private_key(passphrase="pass"))
    locked.chmod(0o600)
    assert "has a passphrase" in unreadable(locked)
    absent.key_file.chmod(0o644)
    assert "chmod 600" in unreadable(absent.key_file)


@pytest.mark.parametrize("format_name", ["openssh", "pkcs1-pem", "pkcs8-pem"])
@pytest.mark.parametrize("kind", ["ecdsa-sha2-nistp384", "ssh-rsa"])
def test_key_files_of_other_kinds(tmp_path: Path, kind: str, format_name: str) -> None:
    import asyncssh

    key = asyncssh.generate_private_key(kind)
    path = tmp_path / "key"
    path.write_bytes(key.export_private_key(format_name))
    path.chmod(0o600)
    with serving(SshServer(public(key))) as server:
        assert result(Machine(server, path).run("echo in"))["stdout"] == "in\n"


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"host": "-oProxyCommand=x"}, "host"),
        ({"host": ""}, "host"),
        ({"port": 0}, "port"),
        ({"port": "ssh"}, "port"),
        ({"user": "-l"}, "user"),
        ({"user": "a b"}, "user"),
        ({"command": ""}, "command"),
        ({"timeout": 0}, "timeout"),
        ({"connect_timeout": -1}, "connect_timeout"),
        ({"exit": ["x"]}, "exit.0"),
        ({"stdin": 5}, "stdin"),
        ({"password": "secret"}, "password"),
        ({"key_file": None}, "key_file"),
    ],
)
def test_arguments_that_are_refused(absent: Machine, wrong: dict[str, Any], place: str) -> None:
    message = refusal(absent.run(**{"command": "true", **wrong}), "InvalidArgument", certain=True)
    assert message.startswith(place)
    assert "secret" not in message
    assert absent.lines == []
