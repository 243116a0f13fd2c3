"""An interactive session by SSH where OpenSSH's client is not installed."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from labrunner.actions.connection import Connection, NotConnected, Report, Session, connected
from labrunner.actions.exchange import CHUNK, Input, exchange

if TYPE_CHECKING:
    from paramiko import Channel

_NO_STATUS = 255
_USUAL_SIZE = (80, 24)


class BrokenOff(Exception):
    """The session ended without the command's end being known."""


def attach(connection: Connection, command: Sequence[str], timeout: float, report: Report) -> int:
    """Run the command, or a shell, on this process's standard streams; return its exit status.

    As with `ssh`, only a shell on a terminal gets a terminal, and 255 stands for a signal.
    Raises NotConnected and BrokenOff.
    """
    with connected(connection, timeout, report) as session, contextlib.ExitStack() as stack:
        channel, on_terminal = session.channel, not command and os.isatty(0)
        _start(session, command, on_terminal=on_terminal)
        watched: Mapping[int, Callable[[], None]] = {}
        if on_terminal:
            watched = stack.enter_context(_resized(channel))
            stack.enter_context(_raw())
        source = Input(lambda: os.read(0, CHUNK), ready=0)
        exchange(channel, (_writer(1), _writer(2)), source, watched=watched)
        channel.status_event.wait()
        if channel.exit_status >= 0:
            return channel.exit_status
        if not session.signal and session.lost:
            raise BrokenOff(f"the connection to {connection.host} broke off")
        return _NO_STATUS


def _start(session: Session, command: Sequence[str], *, on_terminal: bool) -> None:
    from paramiko import SSHException

    try:
        if on_terminal:
            session.channel.get_pty(os.environ.get("TERM", "vt100"), *_size())
        if command:
            session.channel.exec_command(" ".join(command))
        else:
            session.channel.invoke_shell()
    except (SSHException, EOFError, OSError) as error:
        if session.lost:
            raise BrokenOff(f"the connection broke off: {error}") from None
        raise NotConnected("CommandRefused", "the machine starts no shell for this user") from None


def _size() -> tuple[int, int]:
    """Return the terminal's columns and lines."""
    size = os.get_terminal_size(0)
    return (size.columns, size.lines) if size.columns and size.lines else _USUAL_SIZE


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    """Let every key go to the other side, Ctrl-C too."""
    import termios
    import tty

    before = termios.tcgetattr(0)
    try:
        # Keys that were typed early are kept.
        tty.setraw(0, termios.TCSADRAIN)
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _resized(channel: "Channel") -> Iterator[Mapping[int, Callable[[], None]]]:
    """Yield what to watch so that the other side learns a new size of the window."""
    if threading.current_thread() is not threading.main_thread():
        yield {}
        return
    seen, told = os.pipe()
    os.set_blocking(told, False)

    def tell(_signal: int, _frame: object) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(told, b".")

    def resize() -> None:
        os.read(seen, CHUNK)
        with contextlib.suppress(OSError):
            channel.resize_pty(*_size())

    before = signal.signal(signal.SIGWINCH, tell)
    try:
        yield {seen: resize}
    finally:
        signal.signal(signal.SIGWINCH, before)
        os.close(seen)
        os.close(told)


def _writer(descriptor: int) -> Callable[[bytes], None]:
    def write(data: bytes) -> None:
        while data:
            data = data[os.write(descriptor, data) :]

    return write
