"""Read the catalog's files, and answer what an operation means for teardown."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import yaml

from labrunner.catalog.types import ResourceType, Service

READ_VERBS = (
    "describe_",
    "get_",
    "head_",
    "list_",
    "search_",
    "lookup_",
    "batch_get_",
    "query",
    "scan",
)


@dataclass(frozen=True)
class Change:
    """What an operation changes: "service.type", and by which parameters it names it.

    `named_in` is {member of the identity: parameter}.
    """

    type: str
    named_in: Mapping[str, str]


@dataclass(frozen=True)
class Catalog:
    """Every service's entries, by boto3's name of the service."""

    services: Mapping[str, Service]

    def type(self, name: str) -> ResourceType:
        """Return the type of "service.type"; raises KeyError."""
        service, _, kind = name.partition(".")
        return self.services[service].resources[kind]

    def is_here(self, name: str) -> bool:
        """Return whether things of "service.type" are on this machine, and not in a cloud."""
        return self.services[name.partition(".")[0]].kind != "aws"

    def created_by(self, service: str, operation: str) -> str | None:
        """Return "service.type" of what the operation creates."""
        for kind, entry in self._resources(service).items():
            if entry.create == operation:
                return f"{service}.{kind}"
        return None

    def changes(self, service: str, operation: str) -> list[Change]:
        """Return what the operation may change, and whose deletion undoes it."""
        known = self.services.get(service)
        elsewhere = known.changes.get(operation, {}) if known else {}
        own = [
            Change(f"{service}.{kind}", names)
            for kind, entry in self._resources(service).items()
            if (names := entry.named_in(operation)) is not None
        ]
        return own + [Change(kind, names) for kind, names in elsewhere.items()]

    def blames_fresh_role(self, service: str, operation: str, code: str, message: str) -> bool:
        """Return whether an operation is refused so while a role is too new to be known."""
        known = self.services.get(service)
        parts = known.fresh_role.get(operation, {}).get(code, []) if known else []
        return any(part in message for part in parts)

    def is_read(self, service: str, operation: str) -> bool:
        """Return whether the operation changes nothing."""
        known = self.services.get(service)
        return operation.startswith(READ_VERBS) or bool(known and operation in known.reads)

    def _resources(self, service: str) -> Mapping[str, ResourceType]:
        known = self.services.get(service)
        return known.resources if known else {}


@lru_cache(maxsize=1)
def load() -> Catalog:
    """Return the catalog that ships with labrunner."""
    services = {}
    for file in sorted(resources.files(__package__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            service = Service.model_validate(yaml.load(file.read_bytes(), _LOADER))  # noqa: S506
            services[service.service] = service
    return Catalog(services)


# The safe loader in C where PyYAML was built with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
