"""The session behind `labrunner ssh`: OpenSSH's client, or paramiko where there is none."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from labrunner.actions import terminal
from labrunner.actions.connection import Connection, NotConnected, host_keys, shown_host_key
from labrunner.actions.hostkeys import HostKey, known_hosts_line
from labrunner.actions.keyfile import KeyUnreadable, key_text
from labrunner.errors import Failure

__all__ = ["Connection", "command_line", "interactive"]

_CONNECT_TIMEOUT = 30
_SIGNALLED = 128
_HELPED_BY_DETAILS = (
    "AuthenticationFailed", "ConnectionLost", "ConnectionRefused", "ConnectionTimeout",
    "NoCommonAlgorithm", "Unreachable",
)  # fmt: skip


def interactive(
    connection: Connection,
    command: Sequence[str],
    *,
    find: Callable[[str], str | None] = shutil.which,
    connect_timeout: float = _CONNECT_TIMEOUT,
) -> int:
    """Run the command, or a shell if it is empty, on this terminal; return its exit status.

    The words of a command are joined as `ssh` joins them. 255 means that `ssh` failed, and has
    said why. Raises Failure.
    """
    program = find("ssh")
    try:
        with _ended_by_signals():
            if program:
                return _openssh(program, connection, command, connect_timeout)
            return terminal.attach(connection, command, connect_timeout, _say)
    except NotConnected as error:
        raise _failure(connection, error) from None
    except terminal.BrokenOff as error:
        what = f"the session on {connection.host} has ended early"
        raise Failure(what, why=str(error), code="ConnectionLost") from None


def command_line(connection: Connection) -> str:
    """Return the ssh command for this machine, to be shown; it asks whether the host key is right.

    `interactive` knows the host key and does not ask.
    """
    return shlex.join(_shown_command(connection))


def _shown_command(connection: Connection) -> list[str]:
    port = ["-p", str(connection.port)] if connection.port != 22 else []  # noqa: PLR2004 - SSH's
    words = ["ssh", "-i", str(connection.key_file), "-o", "IdentitiesOnly=yes", *port]
    return [*words, f"{connection.user}@{connection.host}"]


def _openssh(program: str, connection: Connection, command: Sequence[str], timeout: float) -> int:
    try:
        key_text(connection.key_file)
    except KeyUnreadable as error:
        raise NotConnected("KeyUnreadable", str(error)) from None
    keys = [key for key in host_keys(connection) if key.blob]
    keys = keys or [shown_host_key(connection, timeout, _say)]
    with _known_hosts(connection, keys) as known:
        arguments = _arguments(connection, known, timeout)
        # The words are an argument list: no shell of this machine reads them.
        with subprocess.Popen([program, *arguments, *command]) as ssh:  # noqa: S603
            try:
                status = ssh.wait()
            except BaseException:
                # Unlike a kill, this lets ssh put the terminal right.
                ssh.terminate()
                raise
    return status if status >= 0 else _SIGNALLED - status


def _arguments(connection: Connection, known_hosts: Path, timeout: float) -> list[str]:
    options = (
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "PreferredAuthentications=publickey",
        "StrictHostKeyChecking=yes",
        f"UserKnownHostsFile={_quoted(known_hosts)}",
        f"GlobalKnownHostsFile={os.devnull}",
        "UpdateHostKeys=no",
        f"ConnectTimeout={max(1, round(timeout))}",
        "ServerAliveInterval=15",
    )
    given = [word for option in options for word in ("-o", option)]
    key = str(connection.key_file).replace("%", "%%")
    place = ["-p", str(connection.port), "--", f"{connection.user}@{connection.host}"]
    return ["-F", os.devnull, *given, "-i", key, *place]


def _quoted(path: Path) -> str:
    """Return a path as ssh's options take it: they split at spaces and replace %-signs."""
    escaped = str(path).replace("%", "%%")
    return f'"{escaped}"'


@contextlib.contextmanager
def _known_hosts(connection: Connection, keys: Sequence[HostKey]) -> Iterator[Path]:
    """Yield a file of the expected keys that only this user reads, and that goes away."""
    with tempfile.TemporaryDirectory(prefix="labrunner-") as folder:
        path = Path(folder, "known_hosts")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="ascii") as file:
            for key in keys:
                file.write(known_hosts_line(connection.host, connection.port, key))
        yield path


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM, and the SIGHUP of a closed window, end the session in an orderly way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _frame: object) -> None:
        sys.exit(_SIGNALLED + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _failure(connection: Connection, error: NotConnected) -> Failure:
    verbose = shlex.join(["ssh", "-v", *_shown_command(connection)[1:]])
    next_command = verbose if error.refusal.code in _HELPED_BY_DETAILS else ""
    if error.refusal.code == "KeyUnreadable":
        next_command = shlex.join(["ls", "-l", str(connection.key_file)])
    return Failure(
        f"no session on {connection.host} as {connection.user}",
        code=error.refusal.code,
        why=error.refusal.message,
        next_command=next_command,
    )


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
