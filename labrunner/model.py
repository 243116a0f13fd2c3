"""What a lab file may say: the types behind the lab format and its JSON Schema."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
LabName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*[a-z0-9]$", max_length=30)]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Expression = Annotated[
    str,
    StringConstraints(min_length=1),
    Field(description="A JMESPath expression, without ${{ }}."),
]
Seconds = Annotated[float, Field(ge=0, le=86_400, description="A time in seconds.")]

ACTION_KINDS = ("aws", "http", "ssh", "tcp", "key", "sql", "dataset", "uses")


class Model(BaseModel):
    """Base of everything read from a lab file: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Replaces(Model):
    """What a lab replaces and how long that takes by hand."""

    what: Text
    minutes: Annotated[int, Field(gt=0)]


class Estimate(Model):
    """What a lab takes on AWS: minutes, and US dollars ("at most")."""

    minutes: Annotated[float, Field(gt=0)]
    usd: Annotated[float, Field(gt=0)]


class Param(Model):
    """A value that the person who runs the lab may choose."""

    type: Literal["string", "integer", "number", "boolean"] = "string"
    description: Text
    default: str | int | float | bool | None = Field(
        default=None, description="Without a default, --param is required."
    )
    pattern: str | None = Field(
        default=None, description="A regular expression for the whole text."
    )
    choices: list[str | int | float] | None = None
    minimum: float | None = None
    maximum: float | None = None
    secret: bool = Field(default=False, description="Never written to journal, reports or screen.")


class Check(Model):
    """One claim that a step proves."""

    name: Text = Field(description="What is seen, as a statement.")
    proves: Text = Field(description="The claim of the course that this shows.")
    that: Expression = Field(description="True when the claim holds; root `result` is the answer.")
    hint: Text | None = Field(default=None, description="Where to look when it does not hold.")


class ExpectError(Model):
    """A refusal that the step expects."""

    code: Text
    message: Text | None = Field(default=None, description="Text that the message must contain.")
    optional: bool = Field(default=False, description="True: success is as good as this error.")


class Until(Model):
    """Repeat a read until something is true of its result."""

    that: Expression
    fail_if: Expression | None = None
    show: Expression | None = Field(default=None, description="What to show while waiting.")
    every: Seconds = 5
    timeout: Seconds = 600


class Wait(Model):
    """Repeat a read until one of botocore's waiters for it is satisfied."""

    waiter: Text
    every: Seconds | None = None
    timeout: Seconds | None = None


class FirstOf(Model):
    """Try the action with one element after the other until it succeeds with one."""

    items: list[Any] | str = Field(
        description="A list, or ${{ }} that gives one; each element is `item`."
    )
    next_on: Annotated[list[Text], Field(min_length=1)] = Field(
        description="Error codes after which the next element is tried."
    )


class Retry(Model):
    """Errors after which the call is tried again."""

    errors: Annotated[list[Text], Field(min_length=1)]
    message: Text | None = Field(default=None, description="Only when the message contains this.")
    every: Seconds = 3
    timeout: Seconds = 90


class Step(Model):
    """One step: one action, why it is done, and the checks that prove what it shows."""

    id: Id
    title: Text
    explain: Text | None = None
    needs: list[Id] = Field(default=[], description="Steps that this one builds on silently.")
    condition: Expression | None = Field(
        default=None, alias="if", description="The step is skipped where this is false."
    )
    skip_reason: Text | None = Field(default=None, description="Why, when `if` skips the step.")
    for_each: list[Any] | str | None = Field(
        default=None, description="A list, or ${{ }} that gives one; each element is `item`."
    )
    first_of: FirstOf | None = None
    aws: str | None = Field(default=None, description="service.operation, as boto3 names them.")
    http: Literal["get", "head", "put", "post", "delete"] | None = None
    ssh: Literal["run"] | None = Field(default=None, description="A command on a machine.")
    tcp: Literal["connect"] | None = Field(default=None, description="Is a port open?")
    key: Literal["create", "describe", "delete"] | None = Field(
        default=None, description="An SSH key pair on the user's machine."
    )
    sql: Literal["redshift"] | None = Field(default=None, description="A statement, and its rows.")
    dataset: str | None = Field(
        default=None, description="A dataset to make and upload to a bucket of the run."
    )
    uses: str | None = Field(default=None, description="A composite: ./file.yaml beside the lab.")
    arguments: dict[str, Any] = Field(default={}, alias="with")
    expect_error: ExpectError | None = None
    until: Until | None = None
    wait: Wait | None = None
    paginate: bool = False
    retry: Retry | None = None
    settle: Seconds = Field(
        default=0, description="Repeat the action for so long until every check passes."
    )
    background: bool = Field(
        default=False, description="Go on at once; wait where the result is first needed."
    )
    outputs: dict[Id, Expression] = {}
    checks: list[Check] = []

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        short = {"expect_error": "code", "until": "that", "wait": "waiter"}
        return {
            key: {short[key]: value} if key in short and isinstance(value, str) else value
            for key, value in data.items()
        }

    @model_validator(mode="after")
    def _consistent(self) -> "Step":
        kinds = [kind for kind in ACTION_KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none"
            raise ValueError(f"a step has exactly one of {', '.join(ACTION_KINDS)}; found {found}")
        if self.condition is not None and self.skip_reason is None:
            raise ValueError("a step with `if` needs `skip_reason`: a skip always says why")
        if self.until is not None and self.wait is not None:
            raise ValueError("a step has `until` or `wait`, not both")
        if (self.paginate or self.wait) and not self.aws:
            raise ValueError("`paginate` and `wait` belong to aws steps")
        if self.for_each is not None and self.first_of is not None:
            raise ValueError("a step has `for_each` or `first_of`, not both")
        if self.uses and self.first_of:
            raise ValueError("`first_of` belongs inside the composite")
        if self.uses and (self.checks or self.until or self.expect_error or self.settle):
            raise ValueError("a step that uses a composite has its checks inside the composite")
        return self

    @property
    def kind(self) -> str:
        """The kind of action: one of ACTION_KINDS."""
        return next(kind for kind in ACTION_KINDS if getattr(self, kind) is not None)

    @property
    def operation(self) -> tuple[str, str]:
        """The service and operation by which the catalog knows the action."""
        if self.dataset is not None:
            return "s3", "put_object"
        if self.sql is not None:
            return "redshift-data", "execute_statement"
        if self.aws is None:
            return self.kind, str(getattr(self, self.kind))
        service, _, operation = self.aws.partition(".")
        return service, operation

    @property
    def action(self) -> str:
        """What is done, as people read it: "s3.create_bucket", "http get"."""
        return self.aws or self.uses or f"{self.kind} {getattr(self, self.kind)}"


class Composite(Model):
    """Steps under one name, for `uses:`."""

    composite: LabName
    title: Text
    params: dict[Id, Param] = {}
    steps: Annotated[list[Step], Field(min_length=1)]
    outputs: dict[Id, Expression] = {}


class Lab(Model):
    """A lab: what it teaches, what it may be told, and its steps in order."""

    lab: LabName
    version: Literal[1] = 1
    title: Text
    area: Text
    summary: Text | None = None
    replaces: Replaces
    estimate: Estimate
    objectives: Annotated[list[Text], Field(min_length=1)]
    params: dict[Id, Param] = {}
    steps: Annotated[list[Step], Field(min_length=1)]
