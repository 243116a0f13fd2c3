"""Everything that labrunner can report: one type for each thing that happened.

The engine's and teardown's only output is a sequence of these. The journal keeps them, run state
is their fold, and console, JSON lines and JUnit are views of them.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

SCHEMA = 1

StepOutcome = Literal["passed", "failed", "skipped"]
CheckOutcome = Literal["passed", "failed", "skipped"]
RunOutcome = Literal["passed", "failed", "interrupted"]
How = Literal["deleted", "already gone", "never created", "its local cloud has ended"]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    at: float = Field(description="Seconds since the epoch.")


class TargetFacts(BaseModel):
    """Where a run's calls go; `cloud` is the id of a local cloud's life."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["local", "aws", "endpoint"]
    endpoint: str | None = None
    region: str
    account: str
    profile: str | None = None
    cloud: str | None = None


class StepHead(BaseModel):
    """The name of a step before it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: str


class RunStarted(_Event):
    """A run, or its continuation, begins."""

    kind: Literal["run_started"] = "run_started"
    lab: str
    title: str
    source: str = Field(description="The lab file.")
    digest: str = Field(description="SHA-256 of the lab file, hexadecimal.")
    target: TargetFacts
    params: dict[str, Any]
    steps: list[StepHead]
    labrunner: str
    resumed: bool = False


class StepStarted(_Event):
    """A step begins."""

    kind: Literal["step_started"] = "step_started"
    step: str
    title: str
    explain: str = ""
    action: str


class StepWaiting(_Event):
    """A step is waiting: for what, and what it saw last."""

    kind: Literal["step_waiting"] = "step_waiting"
    step: str
    what: str
    seen: str
    elapsed: float
    timeout: float


class StepRetrying(_Event):
    """A call was refused for a passing reason and will be tried again."""

    kind: Literal["step_retrying"] = "step_retrying"
    step: str
    code: str
    message: str
    delay: float


class StepProgress(_Event):
    """What an action says while it is under way; shown, and not kept in the journal."""

    kind: Literal["step_progress"] = "step_progress"
    step: str
    text: str


class ResourceIntended(_Event):
    """A call that creates a resource is about to be made."""

    kind: Literal["resource_intended"] = "resource_intended"
    resource: str = Field(description="Unique within the run: the step's path.")
    type: str = Field(description="service.type of the catalog.")
    step: str
    arguments: Any = Field(description="The call's arguments.")
    token: str = ""


class ResourceCreated(_Event):
    """The call was answered: the resource exists."""

    kind: Literal["resource_created"] = "resource_created"
    resource: str
    identity: dict[str, Any]
    result: Any


class ResourceRefused(_Event):
    """The call surely created nothing."""

    kind: Literal["resource_refused"] = "resource_refused"
    resource: str
    code: str
    message: str


class CheckFinished(_Event):
    """A claim was proved, or not."""

    kind: Literal["check_finished"] = "check_finished"
    step: str
    name: str
    proves: str
    outcome: CheckOutcome
    that: str
    got: str = ""
    hint: str = ""


class Problem(BaseModel):
    """Why a step failed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    why: str = ""
    code: str = ""
    request_id: str = ""
    where: str = ""
    next_command: str = ""


class StepFinished(_Event):
    """A step ended."""

    kind: Literal["step_finished"] = "step_finished"
    step: str
    outcome: StepOutcome
    seconds: float
    reason: str = ""
    problem: Problem | None = None
    arguments: Any = None
    result: Any = None
    outputs: dict[str, Any] = {}


class Counts(BaseModel):
    """How many passed, failed and were skipped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    passed: int = 0
    failed: int = 0
    skipped: int = 0


class Live(BaseModel):
    """A resource that exists after the run; `usd_per_hour` is null when unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resource: str
    type: str
    name: str
    usd_per_hour: float | None


class RunFinished(_Event):
    """The run ended: what was proved and what now exists."""

    kind: Literal["run_finished"] = "run_finished"
    lab: str
    outcome: RunOutcome
    checks: Counts
    steps: Counts
    live: list[Live]
    seconds: float
    next_command: str = ""


class TeardownStarted(_Event):
    """Teardown of a run begins with so many resources to look at."""

    kind: Literal["teardown_started"] = "teardown_started"
    lab: str
    resources: int


class ResourceDeleting(_Event):
    """A resource is about to be deleted."""

    kind: Literal["resource_deleting"] = "resource_deleting"
    resource: str
    type: str
    name: str


class ResourceHeld(_Event):
    """Something still holds the resource, or it takes its time to go; it is tried again."""

    kind: Literal["resource_held"] = "resource_held"
    resource: str
    code: str
    message: str


class ResourceGone(_Event):
    """The resource is really gone."""

    kind: Literal["resource_gone"] = "resource_gone"
    resource: str
    type: str
    name: str
    how: How


class ResourceLeft(_Event):
    """The resource could not be removed."""

    kind: Literal["resource_left"] = "resource_left"
    resource: str
    type: str
    name: str
    code: str
    message: str
    next_command: str


class TeardownFinished(_Event):
    """Teardown of a run ended; `left` names what is still there."""

    kind: Literal["teardown_finished"] = "teardown_finished"
    lab: str
    outcome: Literal["clean", "left_behind"]
    gone: int
    left: list[str]
    seconds: float


Event = Annotated[
    RunStarted
    | StepStarted
    | StepWaiting
    | StepRetrying
    | StepProgress
    | ResourceIntended
    | ResourceCreated
    | ResourceRefused
    | CheckFinished
    | StepFinished
    | RunFinished
    | TeardownStarted
    | ResourceDeleting
    | ResourceHeld
    | ResourceGone
    | ResourceLeft
    | TeardownFinished,
    Field(discriminator="kind"),
]

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def encode(event: Event) -> str:
    """Return the event as one line of JSON."""
    return event.model_dump_json()


def decode(line: str) -> Event:
    """Return the event of a line made by encode; raises ValueError when it is not one."""
    return _EVENT.validate_json(line)
