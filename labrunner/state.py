"""The state of a run: the fold of its events."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from labrunner.events import (
    CheckFinished,
    Counts,
    Event,
    ResourceCreated,
    ResourceDeleting,
    ResourceGone,
    ResourceIntended,
    ResourceLeft,
    ResourceRefused,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    TeardownFinished,
    TeardownStarted,
)
from labrunner.values import from_json

ResourceStatus = Literal["intended", "created", "deleting", "left", "gone", "refused"]


@dataclass
class ResourceState:
    """What is known of one resource; live until it is gone or was refused."""

    id: str
    type: str
    step: str
    arguments: Any
    token: str
    status: ResourceStatus = "intended"
    identity: dict[str, Any] = field(default_factory=dict)
    result: Any = None

    @property
    def live(self) -> bool:
        """True while it exists, or may exist."""
        return self.status not in ("gone", "refused")


@dataclass
class RunState:
    """Everything that later commands need to know of a run."""

    started: RunStarted | None = None
    finished: RunFinished | None = None
    teardown: TeardownFinished | None = None
    running: dict[str, StepStarted] = field(default_factory=dict)
    steps: dict[str, StepFinished] = field(default_factory=dict)
    checks: dict[tuple[str, str], CheckFinished] = field(default_factory=dict)
    resources: dict[str, ResourceState] = field(default_factory=dict)

    @property
    def live(self) -> list[ResourceState]:
        """The resources that exist or may exist, oldest first."""
        return [resource for resource in self.resources.values() if resource.live]

    def last_given(self, *names: str) -> dict[str, Any] | None:
        """Return the arguments of the last step that succeeded and was given all of these."""
        for step in reversed(self.steps.values()):
            every = step.arguments if isinstance(step.arguments, list) else [step.arguments]
            for one in reversed(every):
                if isinstance(one, dict) and one.keys() >= {*names} and step.outcome == "passed":
                    return one
        return None

    def check_counts(self) -> Counts:
        """Count the checks by outcome."""
        return count(check.outcome for check in self.checks.values())

    def step_counts(self) -> Counts:
        """Count the steps that ended, by outcome."""
        return count(step.outcome for step in self.steps.values())


def count(outcomes: Iterable[str]) -> Counts:
    """Count outcomes into passed, failed and skipped."""
    seen = list(outcomes)
    return Counts(
        passed=seen.count("passed"), failed=seen.count("failed"), skipped=seen.count("skipped")
    )


def fold(events: Iterable[Event]) -> RunState:
    """Return the state after these events of one run."""
    state = RunState()
    for event in events:
        apply(state, event)
    return state


def apply(state: RunState, event: Event) -> None:
    """Bring the state up to date with one more event."""
    match event:
        case RunStarted():
            state.started, state.finished, state.running = event, None, {}
        case RunFinished():
            state.finished, state.running = event, {}
        case StepStarted():
            state.running[event.step] = event
            _forget_checks(state, event.step)
        case StepFinished():
            state.running.pop(event.step, None)
            state.steps[event.step] = event
        case CheckFinished():
            state.checks[event.step, event.name] = event
        case TeardownStarted():
            state.teardown = None
        case TeardownFinished():
            state.teardown = event
        case _:
            _apply_resource(state, event)


def _forget_checks(state: RunState, step: str) -> None:
    """A step that runs again proves its claims anew."""
    for key in [key for key in state.checks if key[0].partition("[")[0] == step]:
        del state.checks[key]


def _apply_resource(state: RunState, event: Event) -> None:
    match event:
        case ResourceIntended():
            # Taken out first: a resource made again is the youngest.
            state.resources.pop(event.resource, None)
            state.resources[event.resource] = ResourceState(
                event.resource, event.type, event.step, from_json(event.arguments), event.token
            )
        case ResourceCreated():
            resource = state.resources[event.resource]
            resource.status = "created"
            resource.identity = event.identity
            resource.result = from_json(event.result)
        case ResourceRefused():
            state.resources[event.resource].status = "refused"
        case ResourceDeleting():
            state.resources[event.resource].status = "deleting"
        case ResourceLeft():
            state.resources[event.resource].status = "left"
        case ResourceGone():
            state.resources[event.resource].status = "gone"
        case _:
            pass
