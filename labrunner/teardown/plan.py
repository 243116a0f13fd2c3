"""What to remove, and in which order: pure, from the state of a run and the catalog."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from labrunner.catalog import Catalog, ResourceType
from labrunner.expressions import ExpressionError, Scope, render
from labrunner.identity import RunName, identity_of, step_tag
from labrunner.outcome import Call
from labrunner.state import ResourceState, RunState
from labrunner.values import named, texts

_SHORTEST_NAME = 4


@dataclass(frozen=True)
class Removal:
    """One resource to remove; `after` are the ids of those that must be gone before.

    `known` are the identities that a lookup must not find: those of other steps' resources, and of
    those that the same call made and that are gone.
    """

    resource: ResourceState
    entry: ResourceType
    kind: str
    scope: Scope
    after: frozenset[str] = field(default_factory=frozenset)
    known: tuple[dict[str, Any], ...] = ()

    @property
    def is_here(self) -> bool:
        """True when the resource is on this machine, and not in a cloud."""
        return self.kind != "aws"

    def call(self, operation: str, arguments: Any, *, paginate: bool = False) -> Call:
        """Return the call of an operation of the resource's service."""
        service = self.resource.type.partition(".")[0]
        name = operation if self.is_here else f"{service}.{operation}"
        return Call(self.kind, name, arguments, paginate=paginate)

    @property
    def identity(self) -> dict[str, Any]:
        """What names the resource in calls; empty until it was found."""
        identity: dict[str, Any] = self.scope.roots["identity"]
        return identity

    @property
    def name(self) -> str:
        """The resource's name, as people read it."""
        return named(self.identity) or f"made by step {self.resource.step}"

    @property
    def command(self) -> str:
        """The AWS CLI command that removes it by hand, once it is known what to remove."""
        return str(render(self.entry.command, self.scope)) if self.identity else ""

    def found(self, identity: dict[str, Any]) -> "Removal":
        """Return this removal with what names the resource."""
        return replace(self, scope=self.scope.having(identity=identity))

    def again(self) -> "Removal":
        """Return this removal as it looks for another that the same call made."""
        return replace(self, known=(*self.known, self.identity))


def plan_teardown(state: RunState, catalog: Catalog) -> list[Removal]:
    """Return the removals of everything live, youngest first."""
    if state.started is None:
        return []
    run = RunName(state.started.run, state.started.lab)
    removals = []
    for resource in reversed(state.live):
        entry = catalog.type(resource.type)
        kind = catalog.services[resource.type.partition(".")[0]].kind
        scope = Scope(
            {
                "with": resource.arguments,
                "result": resource.result,
                "token": resource.token,
                "run": run.root,
                "step": step_tag(resource.id),
                "identity": resource.identity or _known_identity(resource, entry),
            }
        )
        known = tuple(
            other.identity
            for other in state.resources.values()
            if other is not resource and other.type == resource.type and other.identity
        )
        removals.append(Removal(resource, entry, kind, scope, known=known))
    # A call can name only what was there before it: two of one name must not wait for each other.
    return [
        replace(one, after=frozenset(_users(one, removals[:index])))
        for index, one in enumerate(removals)
    ]


def _known_identity(resource: ResourceState, entry: ResourceType) -> dict[str, Any]:
    if not entry.named_by_caller:
        return {}
    try:
        return identity_of(entry, resource.arguments)
    except ExpressionError:
        return {}


def _users(removal: Removal, younger: list[Removal]) -> Iterator[str]:
    """Yield the resources whose creating calls named this one: they must go before it."""
    names = {value for value in texts(removal.identity) if len(value) >= _SHORTEST_NAME}
    for other in younger:
        if names & set(_words(other.resource.arguments)):
            yield other.resource.id


def _words(arguments: Any) -> Iterator[str]:
    """Yield every text inside the arguments; of ARNs the last part too, of s3:// the bucket."""
    for text in texts(arguments):
        yield text
        if text.startswith("arn:"):
            yield text.rpartition(":")[2].rpartition("/")[2]
        if text.startswith("s3://"):
            yield text.removeprefix("s3://").partition("/")[0]
