"""Run one command on a machine by SSH."""

import codecs
import contextlib
import io
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints

from labrunner.actions.arguments import Host, Limit, Port, read
from labrunner.actions.connection import Connection, NotConnected, Report, Session, connected
from labrunner.actions.exchange import CHUNK, Idle, Input, exchange
from labrunner.model import Model
from labrunner.outcome import Answer, Call, Outcome, Refusal

_LARGEST_OUTPUT = 16 * 2**20
_LONGEST_LINE = 4096
_IDLE = 5.0
_LAST_LINES = 5
_UNPRINTABLE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0a-\x1f\x7f-\x9f]"
)


class Run(Model):
    """The arguments of `ssh: run`; an empty list of exit statuses stands for any."""

    host: Host
    port: Port = 22
    user: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$")]
    key_file: Path
    host_keys: str
    command: Annotated[str, StringConstraints(min_length=1)]
    stdin: str | bytes = b""
    exit: list[int] = [0]
    timeout: Limit = 600
    connect_timeout: Limit = 60


class _TooMuch(Exception):
    """The command has printed more than is kept."""


def perform(call: Call) -> Outcome:
    """Connect, run the command, report its lines as they come, and hang up."""
    run = read(Run, call.arguments)
    if isinstance(run, Refusal):
        return run
    where = Connection(run.host, run.port, run.user, run.key_file, run.host_keys)
    try:
        with connected(where, run.connect_timeout, call.report) as session:
            return _run(session, run, call.report)
    except NotConnected as error:
        return error.refusal


def _run(session: Session, run: Run, report: Report) -> Outcome:
    from paramiko import SSHException

    channel, output = session.channel, _Output(report)
    started = time.monotonic()

    def still_running() -> None:
        report(f"the command still runs ({time.monotonic() - started:.0f} of {run.timeout:g} s)")

    with _limited(session, run.timeout) as over:
        try:
            channel.exec_command(run.command)
        except (SSHException, EOFError, OSError):
            if not session.lost:
                return Refusal("CommandRefused", f"{run.host} runs no commands for {run.user}")
        stdin = io.BytesIO(run.stdin.encode() if isinstance(run.stdin, str) else run.stdin)
        source = Input(lambda: stdin.read(CHUNK))
        try:
            exchange(
                channel,
                (output.stdout.hear, output.stderr.hear),
                source,
                idle=Idle(_IDLE, still_running),
            )
        except _TooMuch:
            words = "the command printed more than 16 MiB and was left; let it write to a file"
            return Refusal("OutputTooLarge", words, certain=False)
        while not channel.status_event.wait(_IDLE):
            still_running()
    output.end()
    return _outcome(session, run, output, time.monotonic() - started, late=over.is_set())


@contextlib.contextmanager
def _limited(session: Session, seconds: float) -> Iterator[threading.Event]:
    """Break the connection off after so many seconds: paramiko waits for a reply for ever."""
    over = threading.Event()

    def end() -> None:
        over.set()
        session.transport.close()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield over
    finally:
        timer.cancel()
        timer.join()


def _outcome(
    session: Session, run: Run, output: "_Output", seconds: float, *, late: bool
) -> Outcome:
    channel, signal = session.channel, session.signal
    status = channel.exit_status if channel.exit_status >= 0 else None
    ended = status is not None or bool(signal)
    if not (ended and channel.eof_received) and (late or session.lost):
        return _broken_off(run, status, output, late=late)
    if run.exit and status not in run.exit:
        came = f"exit status {status}" if status is not None else "no exit status"
        how = f"signal {signal}" if signal else came
        expected = " or ".join(map(str, run.exit))
        words = f"the command ended with {how}, expected {expected}{output.last()}"
        return Refusal("UnexpectedExit", words, certain=False)
    return Answer({
        "stdout": output.stdout.text(),
        "stderr": output.stderr.text(),
        "exit_status": status,
        "host_key": session.host_key,
        "seconds": round(seconds, 3),
    })  # fmt: skip


def _broken_off(run: Run, status: int | None, output: "_Output", *, late: bool) -> Refusal:
    if late and status is not None:
        words = (
            f"the command ended with exit status {status}, but something that it started still "
            f"holds its output after {run.timeout:g} s; start that with >/dev/null 2>&1 </dev/null"
        )
    elif late:
        words = f"the command did not end within {run.timeout:g} s, and may still run on {run.host}"
    else:
        words = (
            f"the connection to {run.host} broke off while the command ran; it may still run there"
        )
    code = "CommandTimeout" if late else "ConnectionLost"
    return Refusal(code, words + output.last(), certain=False)


class _Output:
    """What a command prints on both streams, in bounds."""

    def __init__(self, report: Report) -> None:
        self._left = _LARGEST_OUTPUT
        self.stdout = _Stream(report, self._keep)
        self.stderr = _Stream(report, self._keep)

    def end(self) -> None:
        """Report the last lines, where they have no line end."""
        self.stdout.end()
        self.stderr.end()

    def last(self) -> str:
        """Return the last lines of standard error, or else of standard output, to be told."""
        for name, stream in (("stderr", self.stderr), ("stdout", self.stdout)):
            if lines := stream.text().rstrip().splitlines()[-_LAST_LINES:]:
                shown = "\n".join(_printable(line) for line in lines)[-_LONGEST_LINE:]
                return f"; {name}: {shown}"
        return ""

    def _keep(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise _TooMuch


class _Stream:
    """One stream: all its bytes, and its lines reported one by one."""

    def __init__(self, report: Report, keep: Callable[[bytes], None]) -> None:
        self._report = report
        self._keep = keep
        self._data = bytearray()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line = ""

    def hear(self, data: bytes) -> None:
        """Take the next bytes."""
        self._keep(data)
        self._data += data
        *lines, self._line = (self._line + self._decoder.decode(data)).split("\n")
        for line in lines:
            self._report(_printable(line))
        if len(self._line) > _LONGEST_LINE:
            self._report(_printable(self._line))
            self._line = ""

    def end(self) -> None:
        """Report what has no line end."""
        self._line += self._decoder.decode(b"", final=True)
        if self._line:
            self._report(_printable(self._line))

    def text(self) -> str:
        """Return all that was heard."""
        return self._data.decode(errors="replace")


def _printable(line: str) -> str:
    """Return a line as a terminal shows it in the end, unable to steer the terminal."""
    return _UNPRINTABLE.sub("", line.rstrip("\r").rpartition("\r")[2])[:_LONGEST_LINE]
