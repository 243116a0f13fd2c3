"""What the engine tells the world: events, folded into the run's state as they go out."""

import threading
from collections.abc import Callable
from typing import Any

from labrunner.clock import Clock, Interrupted
from labrunner.engine.advice import next_command
from labrunner.events import Event, Problem, StepProgress
from labrunner.expressions import ExpressionError
from labrunner.outcome import Refusal
from labrunner.state import RunState, apply
from labrunner.values import secrets_of, to_json

Emit = Callable[[Event], None]
_LINES = 60


class StepFailed(Exception):
    """A step cannot go on; carries what the user is told."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


class Reporter:
    """Sends events out one at a time, from any thread, and keeps the state they add up to."""

    def __init__(self, run: str, emit: Emit, clock: Clock, state: RunState) -> None:
        self.run = run
        self.clock = clock
        self.state = state
        self._emit = emit
        self._lock = threading.RLock()
        self._abandoned = threading.Event()
        self._secrets: frozenset[str] = frozenset()

    def send(self, kind: type[Event], **fields: Any) -> None:
        """Send one event; every subscriber has it when this returns."""
        with self._lock:
            self.forward(kind(run=self.run, at=self.clock.now(), **fields))

    def forward(self, event: Event) -> None:
        """Send an event that somebody else made, of the same run."""
        with self._lock:
            self._emit(event)
            apply(self.state, event)

    def go_on(self) -> None:
        """Raise Interrupted when the user has asked to stop, or another step has failed."""
        self.clock.go_on()
        if self._abandoned.is_set():
            raise Interrupted

    def abandon(self) -> None:
        """Make every other step stop before its next call."""
        self._abandoned.set()

    def keep_secret(self, value: Any) -> None:
        """Hide every Secret inside the value in all events from now on."""
        found = secrets_of(value)
        if found - self._secrets:
            with self._lock:
                self._secrets |= found

    def plain(self, value: Any) -> Any:
        """Return the value as an event may hold it."""
        return to_json(value, self._secrets)


class Progress:
    """Takes what an action says while it is under way, and lets no flood of it through."""

    def __init__(self, reporter: Reporter, step: str) -> None:
        self._reporter = reporter
        self._step = step
        self._lines = 0
        self._last = 0.0

    def __call__(self, text: str) -> None:
        """Tell one line; after many, one a second."""
        self._lines += 1
        now = self._reporter.clock.now()
        if self._lines > _LINES and now - self._last < 1:
            return
        self._last = now
        self._reporter.send(StepProgress, step=self._step, text=self._reporter.plain(text))


def refused(what: str, refusal: Refusal, where: str) -> StepFailed:
    """Return the failure of a step whose call was refused."""
    return StepFailed(
        Problem(
            what=f"{what} failed",
            why=refusal.message,
            code=refusal.code,
            request_id=refusal.request_id,
            where=where,
            next_command=next_command(what.partition(".")[0], refusal.code),
        )
    )


def no_value(error: ExpressionError, where: str) -> StepFailed:
    """Return the failure of a step whose expression has no value."""
    return StepFailed(Problem(what="an expression has no value", why=str(error), where=where))
