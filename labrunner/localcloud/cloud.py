"""The state of one cloud that is ours and not moto's."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from labrunner.localcloud.server import Settings

T = TypeVar("T")
PARTITION = "aws"


class Cloud:
    """What the services of one cloud share: its settings, and a place for each one's own state."""

    def __init__(
        self, settings: "Settings", now: Callable[[], datetime] | None = None, port: int = 0
    ) -> None:
        self.settings = settings
        self.port = port  # of its endpoint, on 127.0.0.1
        self.now = now or _utc_now
        self.started = self.now()
        self._states: dict[type[Any], Any] = {}
        self._lock = threading.RLock()

    @property
    def account(self) -> str:
        """The one account of this cloud, twelve digits."""
        return self.settings.account

    @property
    def root_arn(self) -> str:
        """The ARN of the account itself, which is its root user's."""
        return f"arn:{PARTITION}:iam::{self.account}:root"

    def state(self, kind: type[T]) -> T:
        """Return this cloud's only instance of a class, made without arguments at first use."""
        with self._lock:
            if kind not in self._states:
                self._states[kind] = kind()
            return cast("T", self._states[kind])

    def close(self) -> None:
        """End what the states started; one that must be ended has a method `close`."""
        with self._lock:
            states = list(self._states.values())
        # Not under the lock: what ends may still ask for another state.
        for state in states:
            end = getattr(state, "close", None)
            if end is not None:
                end()
        with self._lock:
            self._states.clear()


def _utc_now() -> datetime:
    return datetime.now(UTC)
