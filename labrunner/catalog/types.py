"""What a catalog file may say.

Texts with `${{ }}` see the roots `with` and `result` (of the creating call), `identity`, `token`,
`run`, `step` (the value of the tag labrunner:step), and in deletions `items`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from labrunner.model import Expression, Model, Text

Member = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*$")]


class Tags(Model):
    """Where a creating call takes tags, and in which form.

    list: [{Key, Value}]; lower: [{key, value}]; map: {key: value}; specification: EC2's
    TagSpecifications, one for each of `types`.
    """

    member: Member
    form: Literal["list", "lower", "map", "specification"]
    types: list[Text] = []


class Read(Model):
    """A call that looks at a resource."""

    operation: Text
    arguments: dict[str, Any] = Field(alias="with")


class Exists(Read):
    """How to see that a resource is there; it is gone on `absent` codes or when `gone` is true."""

    gone: Expression | None = Field(
        default=None, description="True when it is gone; roots are the members of the result."
    )


class Find(Read):
    """How to find a resource whose creating call was never answered."""

    items: Expression = Field(
        description="Gives a list of identities; the members of the result are roots as well."
    )


class Each(Read):
    """A listing, all its pages, whose items a deletion takes `batch` at a time."""

    items: Expression = Field(description="Gives a list; roots are the members of the result.")
    batch: Annotated[int, Field(gt=0)] = 1


class Delete(Read):
    """One call of a deletion; with `for_each` it is made for every batch of a listing."""

    for_each: Each | None = None
    ignore: list[Text] = Field(default=[], description="Codes that mean there is nothing to do.")
    errors: Expression | None = Field(
        default=None, description="Gives a list of {Code, Message}: what was not deleted."
    )


Usd = Annotated[float, Field(ge=0)]


class Cost(Model):
    """What a resource costs while it exists; null means unknown.

    A table of prices is read by something in the creating call: {value: price}, of which those not
    listed are unknown. `by` and `times` see the root `with`.
    """

    usd_per_hour: Usd | dict[str, Usd] | None
    by: Expression | None = Field(default=None, description="Gives the value to look up.")
    times: Expression | None = Field(default=None, description="Gives how many a call makes.")
    plus: Usd = Field(default=0, description="What comes on top of the price in the table.")
    basis: Text = Field(description="What the figure assumes.")
    as_of: Text = Field(description="When the price was looked up: YYYY-MM.")


class ResourceType(Model):
    """One resource type."""

    title: Text
    create: Text
    identity: Annotated[dict[str, Expression], Field(min_length=1)]
    arn: Text | None = None
    tags: Tags | None = None
    token: Member | None = Field(default=None, description="The creating call's client token.")
    changed_by: list[Text | dict[Text, dict[Text, Text]]] = Field(
        default=[],
        description="Operations undone by deleting it. They name it by the members of its "
        "identity, or by others: {operation: {member of the identity: parameter}}.",
    )
    exists: Exists
    find: Find | None = Field(default=None, description="Needed where identity uses `result`.")
    absent: Annotated[list[Text], Field(min_length=1)]
    hold: list[Text] = Field(default=[], description="Codes that mean: not yet, try again.")
    delete: Annotated[list[Delete], Field(min_length=1)]
    command: Text = Field(description="An AWS CLI command that deletes it by hand.")
    timeout: Annotated[float, Field(gt=0)] = Field(
        default=120, description="Seconds after which a held or lingering resource is left."
    )
    cost: Cost

    def named_in(self, operation: str) -> Mapping[str, str] | None:
        """Return by which parameters an operation names it; None unless deletion undoes it."""
        for one in self.changed_by:
            if one == operation:
                return {member: member for member in self.identity}
            if isinstance(one, dict) and operation in one:
                return one[operation]
        return None

    @property
    def named_by_caller(self) -> bool:
        """True when the identity is known before the creating call is made."""
        return all(path.startswith("with.") for path in self.identity.values())


class Service(Model):
    """A catalog file: one service.

    `kind` is the kind of action that calls it: "aws", or one whose things are on this machine.
    """

    service: Text
    kind: Literal["aws", "key"] = "aws"
    reads: list[Text] = Field(
        default=[], description="Operations that change nothing though their verb does not say so."
    )
    changes: dict[Text, dict[Text, dict[Text, Text]]] = Field(
        default={},
        description="Operations that change things of other services: {operation: {service.type: "
        "{member of the identity: parameter}}}. Of several types, the parameters tell which.",
    )
    fresh_role: dict[Text, dict[Text, list[Text]]] = Field(
        default={},
        description="What operations are refused with while a role is so new that the service does "
        "not know it yet: {operation: {code: [a part of the message]}}.",
    )
    permissions: dict[str, dict[str, Text]] = Field(
        default={},
        description="Operation: {IAM action: resource}, where they are not service:ApiName on arn. "
        "Resources see the roots `arn` and `run`.",
    )
    resources: dict[str, ResourceType] = {}
