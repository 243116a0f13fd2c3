"""Starts a command in a machine: its user, its terminal, its environment."""

import fcntl
import os
import signal
import struct
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from .terminal import set_modes, set_size
from .users import Users

FAILURE = struct.Struct("!i")


@dataclass(frozen=True)
class Order:
    """A command to start; `terminal` has its size and modes, or is None."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    user: str
    terminal: Mapping[str, Any] | None = None


def start(order: Order, users: Users, files: Sequence[int]) -> tuple[int, int | None]:
    """Start a command on three open files or on a terminal; raises OSError if it cannot be.

    Returns its pid, and the master side of its terminal if it has one.
    """
    master = None
    if order.terminal is not None:
        master, slave = os.openpty()
        set_size(slave, tuple(order.terminal["size"]))
        set_modes(slave, {int(code): value for code, value in order.terminal["modes"].items()})
        files = (slave, slave, slave)
    trouble, trouble_end = os.pipe()
    child = os.fork()
    if child == 0:
        _become(order, users, files, trouble_end)
    os.close(trouble_end)
    if master is not None:
        os.close(files[0])
    failed = os.read(trouble, FAILURE.size)
    os.close(trouble)
    if failed:
        os.waitpid(child, 0)
        if master is not None:
            os.close(master)
        (number,) = FAILURE.unpack(failed)
        raise OSError(number, os.strerror(number), order.argv[0])
    return child, master


def _become(order: Order, users: Users, files: Sequence[int], trouble: int) -> NoReturn:
    try:
        os.setsid()
        if order.terminal is not None:
            fcntl.ioctl(files[0], termios.TIOCSCTTY, 0)
        for number in range(1, signal.NSIG):
            if number not in (signal.SIGKILL, signal.SIGSTOP) and signal.getsignal(number):
                signal.signal(number, signal.SIG_DFL)
        copies = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 10) for file in files]
        for number, copy in enumerate(copies):
            os.dup2(copy, number)
        os.umask(0o022)
        users.enter(order.user)
        os.chdir(order.cwd)
        os.execvpe(order.argv[0], list(order.argv), dict(order.env))  # noqa: S606 - as asked
    except OSError as error:
        os.write(trouble, FAILURE.pack(error.errno or 0))
    finally:
        os._exit(127)
