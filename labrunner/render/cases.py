"""A run as test cases: one for each check, and for each step that has none to speak for it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from labrunner.events import (
    CheckFinished,
    Event,
    Problem,
    ResourceLeft,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    TeardownFinished,
    TeardownStarted,
)
from labrunner.render.places import item, owner

Verdict = Literal["passed", "failure", "error", "skipped"]

_NOT_OVER: dict[str, tuple[Verdict, str]] = {
    # A report that was left behind by a crash must not look like a success.
    "": ("error", "the run had not ended when this was written"),
    "interrupted": ("error", "the run was interrupted"),
    "failed": ("skipped", "not run to its end: another step failed"),
    "passed": ("skipped", "not run to its end"),
}
_NOT_RUN = {
    "": "not run: the run had not come to it when this was written",
    "interrupted": "not run: the run was interrupted before it",
    "failed": "not run: a step before it failed",
    "passed": "not run: it had run before",
}


@dataclass(frozen=True)
class Case:
    """One test case; `seconds` is how long it took, `details` are lines of text."""

    place: str
    name: str
    verdict: Verdict = "passed"
    message: str = ""
    details: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass
class _Step:
    title: str
    since: float
    checks: list[Case] = field(default_factory=list)
    finished: StepFinished | None = None

    @property
    def failed(self) -> bool:
        return bool(self.finished and self.finished.outcome == "failed")


class Cases:
    """Collects the events of a run into cases."""

    def __init__(self) -> None:
        self.lab = ""
        self.started: RunStarted | None = None
        self.outcome = ""
        self._steps: dict[str, _Step] = {}
        self._teardowns: dict[str, list[Case]] = {}

    def add(self, event: Event) -> None:
        """Take one more event."""
        match event:
            case RunStarted():
                self.lab, self.started, self.outcome = event.lab, event, ""
            case StepStarted():
                # A step that runs again proves its claims anew.
                self._steps[event.step] = _Step(event.title, event.at)
            case CheckFinished():
                self._check(event)
            case StepFinished():
                step = self._steps.setdefault(event.step, _Step(event.step, event.at))
                step.finished = event
            case RunFinished():
                self.outcome = event.outcome
            case TeardownStarted() | ResourceLeft() | TeardownFinished():
                self._teardown(event)
            case _:
                pass

    def all(self) -> Iterator[Case]:
        """Yield the cases: of the steps in their order, of steps not run, of the teardown."""
        for path, step in self._steps.items():
            yield from step.checks
            yield from self._of_step(path, step)
        for head in self.started.steps if self.started else []:
            if head.id not in self._steps:
                yield Case(self._place(head.id), head.title, "skipped", _NOT_RUN[self.outcome])
        for cases in self._teardowns.values():
            yield from cases

    def _check(self, event: CheckFinished) -> None:
        step = self._steps.setdefault(owner(event.step), _Step(event.step, event.at))
        name, seconds = event.name + item(event.step), max(0.0, event.at - step.since)
        verdict: Verdict = "passed"
        message = ""
        if event.outcome != "passed":
            verdict = "failure" if event.outcome == "failed" else "skipped"
            message = f"not proved: {event.proves}"
        place = self._place(owner(event.step))
        step.checks.append(Case(place, name, verdict, message, _evidence(event), seconds))
        step.since = event.at

    def _of_step(self, path: str, step: _Step) -> Iterator[Case]:
        place, finished = self._place(path), step.finished
        if finished is None:
            yield Case(place, step.title, *_NOT_OVER[self.outcome])
        elif finished.outcome == "skipped":
            yield Case(place, step.title, "skipped", finished.reason)
        elif step.failed and not self._explained(path, step):
            problem = finished.problem or Problem(what="the step failed")
            reasons = _reasons(problem)
            yield Case(place, step.title, "error", problem.what, reasons, finished.seconds)

    def _explained(self, path: str, step: _Step) -> bool:
        """Whether a check of the step, or a step inside it, already says what failed."""
        inside = (f"{path}.", f"{path}[")
        return any(case.verdict == "failure" for case in step.checks) or any(
            other.startswith(inside) and step.failed for other, step in self._steps.items()
        )

    def _teardown(self, event: TeardownStarted | ResourceLeft | TeardownFinished) -> None:
        cases = self._teardowns.setdefault(event.run, [])
        if isinstance(event, TeardownStarted):
            self.lab = self.lab or event.lab
            cases.clear()
        elif isinstance(event, ResourceLeft):
            message = f"{event.code}: {event.message}"
            name = f"{event.type} {event.name} is removed"
            details = (event.next_command,) if event.next_command else ()
            cases.append(Case(self._place("teardown"), name, "error", message, details))
        elif event.outcome == "clean":
            cases.append(Case(self._place("teardown"), f"run {event.run} leaves nothing behind"))

    def _place(self, path: str) -> str:
        return f"{self.lab}.{path}"


def _evidence(event: CheckFinished) -> tuple[str, ...]:
    if event.outcome == "passed":
        return ()
    facts = {"expected": event.that, "got": event.got, "hint": event.hint}
    return tuple(f"{key}: {text}" for key, text in facts.items() if text)


def _reasons(problem: Problem) -> tuple[str, ...]:
    facts = {
        "where": problem.where,
        "error": problem.code,
        "request id": problem.request_id,
        "why": problem.why,
        "next": problem.next_command,
    }
    return tuple(f"{key}: {text}" for key, text in facts.items() if text)
