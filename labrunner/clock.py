"""Time, and the wish to stop, as a parameter."""

import threading
import time
from typing import Protocol


class Interrupted(Exception):
    """The user asked to stop; raised between calls and in waits, never in a call."""


class Clock(Protocol):
    """What the engine and teardown know of time; all times are in seconds."""

    def now(self) -> float:
        """Return the time since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Wait; raises Interrupted when the user asks to stop."""

    def go_on(self) -> None:
        """Raise Interrupted when the user has asked to stop."""


class SystemClock:
    """Real time; `stop` may be set from a signal handler."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        self.stop = stop or threading.Event()

    def now(self) -> float:
        """Return the time since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait; raises Interrupted as soon as `stop` is set."""
        if self.stop.wait(seconds):
            raise Interrupted

    def go_on(self) -> None:
        """Raise Interrupted when `stop` is set."""
        if self.stop.is_set():
            raise Interrupted
