"""What to remove, and in which order: pure, from the state of a run and the catalog."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from labrunner.catalog import Catalog, ResourceType
from labrunner.expressions import ExpressionError, Scope, evaluate, parse, render
from labrunner.identity import RunName
from labrunner.state import ResourceState, RunState

_SHORTEST_NAME = 4


@dataclass(frozen=True)
class Removal:
    """One resource to remove; `after` are the ids of those that must be gone before."""

    resource: ResourceState
    entry: ResourceType
    scope: Scope
    after: frozenset[str] = field(default_factory=frozenset)

    @property
    def service(self) -> str:
        """boto3's name of the service."""
        return self.resource.type.partition(".")[0]

    @property
    def identity(self) -> dict[str, Any]:
        """What names the resource in calls; empty until it was found."""
        identity: dict[str, Any] = self.scope.roots["identity"]
        return identity

    @property
    def name(self) -> str:
        """The resource's name, as people read it."""
        names = ", ".join(str(value) for value in self.identity.values())
        return names or f"made by step {self.resource.step}"

    @property
    def command(self) -> str:
        """The AWS CLI command that removes it by hand, once it is known what to remove."""
        return str(render(self.entry.command, self.scope)) if self.identity else ""

    def found(self, identity: dict[str, Any]) -> "Removal":
        """Return this removal with what names the resource."""
        return Removal(self.resource, self.entry, self.scope.having(identity=identity), self.after)


def plan_teardown(state: RunState, catalog: Catalog) -> list[Removal]:
    """Return the removals of everything live, youngest first."""
    if state.started is None:
        return []
    run = RunName(state.started.run, state.started.lab)
    live = state.live
    removals = []
    for resource in reversed(live):
        entry = catalog.type(resource.type)
        scope = Scope(
            {
                "with": resource.arguments,
                "result": resource.result,
                "token": resource.token,
                "run": run.root,
                "identity": resource.identity or _known_identity(resource, entry),
            }
        )
        removals.append(Removal(resource, entry, scope))
    return [
        Removal(one.resource, one.entry, one.scope, frozenset(_users(one, removals)))
        for one in removals
    ]


def _known_identity(resource: ResourceState, entry: ResourceType) -> dict[str, Any]:
    if not entry.named_by_caller:
        return {}
    scope = Scope({"with": resource.arguments})
    try:
        return {name: evaluate(parse(path), scope) for name, path in entry.identity.items()}
    except ExpressionError:
        return {}


def _users(removal: Removal, removals: list[Removal]) -> Iterator[str]:
    """Yield the resources whose creating calls named this one: they must go before it."""
    names = {
        value
        for value in removal.identity.values()
        if isinstance(value, str) and len(value) >= _SHORTEST_NAME
    }
    for other in removals:
        if other is not removal and names & set(_words(other.resource.arguments)):
            yield other.resource.id


def _words(value: Any) -> Iterator[str]:
    """Yield every text inside the value, and the last part of those that are ARNs."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _words(item)
    elif isinstance(value, list):
        for item in value:
            yield from _words(item)
    elif isinstance(value, str):
        yield value
        if value.startswith("arn:"):
            yield value.rpartition(":")[2].rpartition("/")[2]
