"""What users of a machine ask its first process for: commands of root's, and to switch it off.

The programs `sudo`, `shutdown`, `poweroff`, `halt` and `reboot` of a machine call it on a socket.
No set-user-id program has an effect in the sandbox, so the host's own `sudo` has none either.
"""

import contextlib
import errno
import os
import selectors
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import network, wire
from .commands import Order

SOCKET = "/run/labrunner.sock"
START_FILES = 3
PATIENCE = 1.0


@dataclass
class _Call:
    sock: socket.socket
    pid: int = 0


class Powers:
    """The socket of a machine's root, and the commands that were started on it."""

    def __init__(
        self,
        start: Callable[[Order, list[int]], tuple[int, int | None]],
        tell: Callable[[wire.Message], None],
    ) -> None:
        self._start = start
        self._tell = tell
        self._calls: dict[int, _Call] = {}

    def listen(self, selector: selectors.BaseSelector) -> None:
        """Serve calls in a loop's selector."""
        server = network.listen([SOCKET])

        def accept() -> None:
            call = _Call(server.accept()[0])
            call.sock.settimeout(PATIENCE)  # a caller must not hold the machine up
            selector.register(call.sock, selectors.EVENT_READ, lambda: self._answer(call, selector))

        selector.register(server, selectors.EVENT_READ, accept)

    def ended(self, pid: int, code: int) -> bool:
        """Tell a caller how its command ended; False if the command is nobody's here."""
        call = self._calls.pop(pid, None)
        if call is None:
            return False
        with contextlib.suppress(OSError):
            wire.send(call.sock, {"code": code})
        return True

    def _answer(self, call: _Call, selector: selectors.BaseSelector) -> None:
        try:
            received = wire.receive(call.sock)
        except (OSError, ValueError):
            received = None
        if received is None:
            selector.unregister(call.sock)
            call.sock.close()
            return
        message, opened = received
        try:
            self._perform(call, message, opened)
        except (OSError, ValueError, TypeError, KeyError) as error:
            refusal = error if isinstance(error, OSError) else OSError(errno.EINVAL, str(error))
            with contextlib.suppress(OSError):
                wire.send(call.sock, wire.failure(refusal))
        for file in opened:
            os.close(file)

    def _perform(self, call: _Call, message: wire.Message, opened: list[int]) -> None:
        if "power" in message:
            self._tell({"event": "power", "action": str(message["power"])})
        elif "signal" in message and call.pid in self._calls:
            os.killpg(call.pid, int(message["signal"]))
        elif "argv" in message and not call.pid and len(opened) == START_FILES:
            call.pid, _ = self._start(Order(**message), opened)
            self._calls[call.pid] = call


def call(message: dict[str, Any], opened: list[int] | None = None) -> socket.socket:
    """Send a call to the machine's first process; ends the program if it cannot be reached."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.connect(SOCKET)
        wire.send(sock, message, opened or [])
    except OSError as error:
        sys.exit(f"The machine does not answer: {error}")
    return sock
