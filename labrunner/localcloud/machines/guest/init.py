"""The first process of a machine: does what the cloud asks for, and ends with it.

In an isolated machine this is process 1, so that nothing in the machine outlives it.
"""

import contextlib
import os
import resource
import selectors
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import files, network, wire
from .commands import Order, start
from .powers import Powers
from .seal import Kernel, seal
from .users import Users

PAUSE = 0.005
SUBREAPER = 36
TRIED_GROUPS = 100
WAKES = 4096


class Init:
    """Starts and reaps the processes of a machine."""

    def __init__(self, control: socket.socket, *, isolated: bool) -> None:
        self._control = control
        self._isolated = isolated
        self._users: Users | None = None
        self._running: set[int] = set()
        self._agents: set[int] = set()
        self._selector = selectors.DefaultSelector()
        self._powers = Powers(self._start, self._tell)

    def run(self) -> None:
        """Serve until the cloud says so, or is gone."""
        wake, waker = socket.socketpair()
        waker.setblocking(False)  # noqa: FBT003 - it takes no names
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        self._selector.register(self._control, selectors.EVENT_READ, self._answer)
        self._selector.register(wake, selectors.EVENT_READ, lambda: self._reap(wake))
        while True:
            for key, _ in self._selector.select():
                key.data()

    def _answer(self) -> None:
        received = wire.receive(self._control)
        if received is None:
            self._end(0.0)
            return
        message, opened = received
        number, operation = message.pop("id"), message.pop("op")
        found: list[int] = []
        try:
            reply, found = getattr(self, f"_do_{operation}")(opened, **message)
        except OSError as error:
            reply = wire.failure(error)
        for file in opened:
            os.close(file)
        self._tell({"id": number, **reply}, found)
        for file in found:
            os.close(file)

    def _tell(self, message: wire.Message, opened: list[int] | None = None) -> None:
        with contextlib.suppress(OSError):  # the cloud is gone: the next read will say so
            wire.send(self._control, message, opened or [])

    # ---- what the cloud asks for

    def _do_setup(
        self,
        _: list[int],
        users: list[Mapping[str, Any]],
        limits: dict[str, int],
        addresses: list[str],
        powers: bool,  # noqa: FBT001 - a message
    ) -> files.Reply:
        if self._isolated:
            network.add_addresses(addresses)
            seal(Kernel())
        self._users = Users(users, isolated=self._isolated)
        for name, most in limits.items():
            resource.setrlimit(getattr(resource, name), (most, most))
        if powers:
            self._powers.listen(self._selector)
        return {}, []

    def _do_start(self, opened: list[int], **order: Any) -> files.Reply:
        pid, master = self._start(Order(**order), opened)
        return {"pid": pid}, [] if master is None else [master]

    def _start(self, order: Order, opened: list[int]) -> tuple[int, int | None]:
        assert self._users is not None
        pid, master = start(order, self._users, opened)
        self._running.add(pid)
        return pid, master

    def _do_kill(self, _: list[int], pid: int, number: int) -> files.Reply:
        if pid in self._running:  # its number has not been given away
            os.killpg(pid, number)
        return {}, []

    def _do_listen(self, _: list[int], address: list[str | int]) -> files.Reply:
        return {}, [network.listen(address).detach()]

    def _do_socket(self, _: list[int], family: int) -> files.Reply:
        return {}, [socket.socket(family, socket.SOCK_STREAM).detach()]

    def _do_files(self, opened: list[int], user: str) -> files.Reply:
        """Let a child serve calls on files, as a user, on the socket that came along."""
        assert self._users is not None
        child = os.fork()
        if child == 0:
            self._serve_files(opened[0], user)
        self._agents.add(child)
        return {}, []

    def _serve_files(self, file: int, user: str) -> None:
        try:
            signal.set_wakeup_fd(-1)
            self._control.close()
            self._selector.close()
            assert self._users is not None
            self._users.enter(user)
            os.umask(0o022)
            os.chdir(self._users.find(user).home)
            files.serve(socket.socket(fileno=os.dup(file)))
        finally:
            os._exit(0)

    def _do_end(self, _: list[int], grace: float) -> files.Reply:
        self._end(grace)
        return {}, []

    # ---- the end of processes

    def _reap(self, wake: socket.socket) -> None:
        wake.recv(WAKES)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._agents.discard(pid)
            if pid in self._running:
                self._running.discard(pid)
                code = os.waitstatus_to_exitcode(status)
                if not self._powers.ended(pid, code):
                    self._tell({"event": "exit", "pid": pid, "code": code})

    def _end(self, grace: float) -> None:
        """Ask all processes to end, kill those that do not, and end."""
        deadline = time.monotonic() + grace
        if grace:
            self._signal_all(signal.SIGTERM)
            self._signal_all(signal.SIGHUP)  # an interactive shell ignores the other
        while grace and time.monotonic() < deadline and _has_children():
            time.sleep(PAUSE)
        for _ in range(TRIED_GROUPS):
            self._signal_all(signal.SIGKILL)
            if self._isolated or not _has_children():
                break
        os._exit(0)

    def _signal_all(self, number: int) -> None:
        if self._isolated:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, number)
            return
        for pid in {*self._running, *self._agents, *_children()}:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)


def _children() -> set[int]:
    """Return the direct children, those adopted from ended parents included, where Linux says."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
        return {int(pid) for pid in text.split()}
    return set()


def _has_children() -> bool:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def main() -> None:
    """Run; the arguments are the number of the control socket, and whether it is isolated."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    isolated = sys.argv[2] == "isolated"
    if not isolated and sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    os.umask(0o022)
    Init(control, isolated=isolated).run()
