"""Interactive sessions, by OpenSSH's client and by paramiko, with and without a terminal."""

import contextlib
import dataclasses
import fcntl
import json
import os
import pty
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labrunner.actions.shell import Connection, command_line
from tests.actions.conftest import Machine, make_key
from tests.actions.session import FAILED, arguments
from tests.actions.ssh_server import ECDSA, ED25519, public

OPENSSH = shutil.which("ssh")
needs_openssh = pytest.mark.skipif(not OPENSSH, reason="OpenSSH's client is not installed")
PROGRAMS = [pytest.param(OPENSSH, id="openssh", marks=needs_openssh), pytest.param(None, id="own")]
both = pytest.mark.parametrize("program", PROGRAMS)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """Return where sessions put temporary files; nothing may stay there."""
    folder = tmp_path / "temporary files, 100%"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


@dataclass
class Sessions:
    temporary: Path

    def start(
        self, connection: Connection, program: str | None, *command: str, **streams: Any
    ) -> "subprocess.Popen[bytes]":
        words = [sys.executable, "-m", "tests.actions.session"]
        words += [arguments(connection, program), *command]
        environment = {**os.environ, "TMPDIR": str(self.temporary), "TERM": "vt220"}
        return subprocess.Popen(words, cwd=ROOT, env=environment, start_new_session=True, **streams)

    def run(
        self, connection: Connection, program: str | None, *command: str, stdin: bytes = b""
    ) -> tuple[int, bytes, bytes]:
        """Run without a terminal; return the exit status and what was printed."""
        pipe = subprocess.PIPE
        with self.start(
            connection, program, *command, stdin=pipe, stdout=pipe, stderr=pipe
        ) as process:
            out, err = process.communicate(stdin, timeout=60)
            return process.returncode, out, err

    def failure(self, connection: Connection, program: str | None) -> dict[str, str]:
        status, out, err = self.run(connection, program, "true")
        assert (status, out) == (FAILED, b"")
        told: dict[str, str] = json.loads(err.splitlines()[-1])
        return told


@pytest.fixture
def sessions(temporary: Path) -> Sessions:
    return Sessions(temporary)


@both
def test_a_command_on_pipes(machine: Machine, sessions: Sessions, program: str | None) -> None:
    words = ("cat;", "echo", "oh", ">&2;", "exit", "7")
    status, out, err = sessions.run(machine.connection, program, *words, stdin=b"in\n\xff")
    assert (status, out) == (7, b"in\n\xff")
    assert err.splitlines()[-1] == b"oh"
    assert machine.server.commands == ["cat; echo oh >&2; exit 7"]


@both
def test_words_that_look_like_options(
    machine: Machine, sessions: Sessions, program: str | None
) -> None:
    words = ("-v", "--", "-oProxyCommand=x", "a  b", "$HOME")
    sessions.run(machine.connection, program, *words)
    assert machine.server.commands == ["-v -- -oProxyCommand=x a  b $HOME"]


@both
def test_a_shell_on_pipes(machine: Machine, sessions: Sessions, program: str | None) -> None:
    status, out, _ = sessions.run(machine.connection, program, stdin=b"echo $((40 + 2))\nexit 3\n")
    assert (status, out) == (3, b"42\n")
    assert machine.server.commands == [None]


@both
def test_much_in_and_out_at_once(machine: Machine, sessions: Sessions, program: str | None) -> None:
    data = os.urandom(2**20) * 6
    status, out, _ = sessions.run(machine.connection, program, "cat", stdin=data)
    assert status == 0
    assert out == data


@both
def test_a_signal_gives_255(machine: Machine, sessions: Sessions, program: str | None) -> None:
    assert sessions.run(machine.connection, program, "kill -9 $$")[0] == 255


@both
def test_a_fingerprint_is_enough(machine: Machine, sessions: Sessions, program: str | None) -> None:
    pinned = dataclasses.replace(machine.connection, host_keys=ED25519.get_fingerprint("sha256"))
    status, out, _ = sessions.run(pinned, program, "echo", "in")
    assert (status, out) == (0, b"in\n")


@both
def test_another_fingerprint(machine: Machine, sessions: Sessions, program: str | None) -> None:
    wrong = dataclasses.replace(machine.connection, host_keys="SHA256:" + "A" * 43)
    told = sessions.failure(wrong, program)
    assert told["code"] == "HostKeyMismatch"
    assert ED25519.get_fingerprint("sha256") in told["why"]
    assert machine.server.commands == []


@needs_openssh
def test_openssh_refuses_another_host_key(machine: Machine, sessions: Sessions) -> None:
    wrong = dataclasses.replace(machine.connection, host_keys=public(ECDSA))
    status, _, err = sessions.run(wrong, OPENSSH, "true")
    assert status == 255
    assert b"Host key verification failed" in err
    assert machine.server.commands == []


def test_paramiko_refuses_another_host_key(machine: Machine, sessions: Sessions) -> None:
    wrong = dataclasses.replace(machine.connection, host_keys=public(ECDSA))
    assert sessions.failure(wrong, None)["code"] == "HostKeyMismatch"
    assert machine.server.commands == []


@both
def test_no_host_keys(machine: Machine, sessions: Sessions, program: str | None) -> None:
    told = sessions.failure(dataclasses.replace(machine.connection, host_keys=""), program)
    assert told["code"] == "NoHostKeys"
    assert told["what"] == "no session on 127.0.0.1 as learner"


@both
def test_a_key_file_that_others_may_read(
    machine: Machine, sessions: Sessions, program: str | None
) -> None:
    machine.key_file.chmod(0o644)
    told = sessions.failure(machine.connection, program)
    assert told["code"] == "KeyUnreadable"
    assert told["next_command"] == f"ls -l {machine.key_file}"


@needs_openssh
def test_openssh_asks_for_no_password(machine: Machine, sessions: Sessions, tmp_path: Path) -> None:
    other = Path(make_key(tmp_path / "keys", "other")["PrivateKeyFile"])
    wrong = dataclasses.replace(machine.connection, key_file=other)
    status, _, err = sessions.run(wrong, OPENSSH, "true")
    assert status == 255
    assert b"Permission denied" in err


def test_paramiko_says_what_to_type(machine: Machine, sessions: Sessions, tmp_path: Path) -> None:
    other = Path(make_key(tmp_path / "keys", "other")["PrivateKeyFile"])
    wrong = dataclasses.replace(machine.connection, key_file=other)
    told = sessions.failure(wrong, None)
    assert told["code"] == "AuthenticationFailed"
    assert told["next_command"].startswith("ssh -v -i ")


def test_paramiko_waits_for_the_machine(absent: Machine, sessions: Sessions) -> None:
    status, _, err = sessions.run(dataclasses.replace(absent.connection, port=1), None, "true")
    assert status == FAILED
    assert b"refuses the connection; again in 0.5 s" in err
    assert b"ConnectionRefused" in err


@both
def test_a_connection_that_breaks_off(
    machine: Machine, sessions: Sessions, program: str | None
) -> None:
    status, out, err = sessions.run(machine.connection, program, "DROP")
    assert out in (b"", b"half a line")
    if program:
        assert status == 255
    else:
        assert status == FAILED
        assert json.loads(err)["code"] == "ConnectionLost"


class Screen:
    """The other side of a process's terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.text = b""

    def until(self, shown: bytes) -> None:
        """Read until this was shown, and forget all up to it."""
        deadline = time.monotonic() + 30
        while shown not in self.text:
            left = deadline - time.monotonic()
            assert left > 0, self.text
            if select.select([self._descriptor], [], [], left)[0]:
                self.text += os.read(self._descriptor, 4096)
        self.text = self.text.partition(shown)[2]

    def type(self, keys: bytes) -> None:
        os.write(self._descriptor, keys)

    def resize(self, columns: int, lines: int) -> None:
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, size)

    @property
    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self._descriptor)[3] & termios.ECHO)


@contextlib.contextmanager
def terminal() -> Iterator[tuple[int, Screen]]:
    ours, theirs = pty.openpty()
    try:
        screen = Screen(ours)
        screen.resize(100, 30)
        yield theirs, screen
    finally:
        os.close(theirs)
        os.close(ours)


@both
def test_a_shell_on_a_terminal(machine: Machine, sessions: Sessions, program: str | None) -> None:
    with terminal() as (theirs, screen):
        assert screen.echoes
        screen.type(b"early ")
        streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        with sessions.start(machine.connection, program, **streams) as process:
            screen.until(b"vt220 100x30\r\n")
            wait_until(lambda: not screen.echoes)
            # Ctrl-C and Ctrl-D are for the other side.
            screen.type(b"a\x03\x04\xc3\xbc\r")
            screen.until(rb"heard b'early a\x03\x04\xc3\xbc'")
            screen.resize(120, 40)
            screen.until(b"now 120x40\r\n")
            screen.type(b"exit 5\r")
            assert process.wait(30) == 5
        assert screen.echoes


@both
def test_a_command_gets_no_terminal(
    machine: Machine, sessions: Sessions, program: str | None
) -> None:
    with terminal() as (theirs, screen):
        streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        command = "test -t 0 || echo no terminal"
        with sessions.start(machine.connection, program, command, **streams) as process:
            screen.until(b"no terminal")
            assert process.wait(30) == 0
        assert screen.echoes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@both
def test_a_signal_ends_the_session_in_order(
    machine: Machine, sessions: Sessions, program: str | None, number: int
) -> None:
    with terminal() as (theirs, screen):
        streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        with sessions.start(machine.connection, program, **streams) as process:
            screen.until(b"vt220 100x30\r\n")
            wait_until(lambda: not screen.echoes)
            process.send_signal(number)
            assert process.wait(30) == 128 + number
        assert screen.echoes


def wait_until(comes_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not comes_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    """Return a program that stands for ssh, and writes down how it was called."""
    program = tmp_path / "recorder"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, os, re, sys\n"
        "option = next(word for word in sys.argv if word.startswith('UserKnownHostsFile='))\n"
        "path = option.partition('=')[2].strip('\"').replace('%%', '%')\n"
        "mode = os.stat(path).st_mode & 0o777, os.stat(os.path.dirname(path)).st_mode & 0o777\n"
        "print(json.dumps([sys.argv[1:], open(path).read(), mode]))\n"
    )
    program.chmod(0o700)
    return program


def test_how_openssh_is_called(absent: Machine, sessions: Sessions, recorder: Path) -> None:
    where = dataclasses.replace(absent.connection, port=2222)
    status, out, _ = sessions.run(where, str(recorder), "ls", "-la", "a b")
    words, known, mode = json.loads(out)
    assert status == 0
    assert words[:2] == ["-F", "/dev/null"]
    options = {words[index + 1] for index, word in enumerate(words) if word == "-o"}
    assert options >= {
        "IdentitiesOnly=yes", "IdentityAgent=none", "StrictHostKeyChecking=yes",
        "GlobalKnownHostsFile=/dev/null", "PreferredAuthentications=publickey",
    }  # fmt: skip
    rest = ["-i", str(where.key_file), "-p", "2222", "--", "learner@127.0.0.1", "ls", "-la", "a b"]
    assert words[-len(rest) :] == rest
    assert known == f"[127.0.0.1]:2222 {public(ED25519)}\n"
    assert mode == [0o600, 0o700]


def test_the_command_line_that_is_shown() -> None:
    where = Connection("192.0.2.1", 22, "ec2-user", Path("/tmp/my keys/k.pem"), "")
    expected = "ssh -i '/tmp/my keys/k.pem' -o IdentitiesOnly=yes ec2-user@192.0.2.1"
    assert command_line(where) == expected
    other = shlex.split(command_line(dataclasses.replace(where, port=2222)))
    assert other[-3:] == ["-p", "2222", "ec2-user@192.0.2.1"]
