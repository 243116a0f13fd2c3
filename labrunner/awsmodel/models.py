"""The operations of AWS services, by the names that people use for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from labrunner.awsmodel.conceal import conceal
from labrunner.awsmodel.shapes import Members, Shape, Shapes
from labrunner.awsmodel.waiters import Waiter
from labrunner.errors import did_you_mean
from labrunner.expressions.types import ANY, INTEGER, STRING, Struct, Type

if TYPE_CHECKING:
    from botocore.loaders import Loader

# Services that IAM calls otherwise than their addresses and signatures do.
_IAM_PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag"}

# What of a response's metadata a step's result keeps.
METADATA = Struct(
    "ResponseMetadata",
    {
        "RequestId": STRING,
        "HTTPStatusCode": INTEGER,
        "RetryAttempts": INTEGER,
    },
)


class UnknownName(LookupError):
    """A service or operation that botocore does not know; `hint` names what is close."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of a service; `name` is boto3's, `api_name` the one of AWS's documentation."""

    service: str
    name: str
    api_name: str
    iam_prefix: str
    paginator: Mapping[str, Any] | None
    shapes: Shapes
    model: Shape

    @property
    def can_paginate(self) -> bool:
        """True when botocore has a paginator for it."""
        return self.paginator is not None

    @cached_property
    def input(self) -> Struct:
        """What the operation takes."""
        return self.shapes.struct(self.model.get("input"), f"{self.service}.{self.name}")

    @cached_property
    def output(self) -> Struct:
        """What the operation gives, ResponseMetadata included."""
        plain = self.shapes.struct(self.model.get("output"), self._result)
        names = dict.fromkeys([*plain.members, METADATA.name])
        return Struct(self._result, Members(names, lambda name: plain.members.get(name, METADATA)))

    @cached_property
    def all_pages(self) -> Struct:
        """What botocore's paginator gives: the lists of all pages, and little else."""
        assert self.paginator is not None
        keys = self.paginator["result_key"]
        listed = [keys] if isinstance(keys, str) else keys
        paths = [*listed, *self.paginator.get("non_aggregate_keys", ())]
        names = dict.fromkeys(path.partition(".")[0].partition("[")[0] for path in paths)
        return Struct(f"{self._result}, paginated,", Members(names, self._member))

    @property
    def _result(self) -> str:
        return f"the result of {self.service}.{self.name}"

    def _member(self, name: str) -> Type:
        return self.output.members.get(name, ANY)

    def conceal(self, value: Any, side: Literal["input", "output"] = "output") -> Any:
        """Return the arguments or the result with every sensitive text as a Secret."""
        reference = self.model.get(side)
        return conceal(self.shapes, reference, value) if reference else value


class Models:
    """botocore's models of all services; each file is read once."""

    def __init__(self, loader: "Loader | None" = None) -> None:
        self._given = loader
        self._services: dict[str, _Service] = {}

    @cached_property
    def _loader(self) -> "Loader":
        # Late, as it imports a good part of botocore.
        from botocore.loaders import Loader

        return self._given or Loader()

    def services(self) -> list[str]:
        """Return the names of all services, as boto3 has them."""
        names: list[str] = self._loader.list_available_services("service-2")
        return names

    def operations(self, service: str) -> list[str]:
        """Return boto3's names of a service's operations; raises UnknownName."""
        return list(self._service(service).names)

    def operation(self, service: str, name: str) -> Operation:
        """Return an operation by boto3's or by the API's name; raises UnknownName."""
        known = self._service(service)
        found = known.operation(name)
        if found is None:
            camel = name[:1].isupper()
            names = list(known.api_names) if camel else list(known.names)
            raise UnknownName(f"{service} has no operation `{name}`", did_you_mean(name, names))
        return found

    def waiter(self, service: str, name: str) -> Waiter | None:
        """Return botocore's waiter by either of its names; raises UnknownName for the service."""
        return self._service(service).waiters.get(name)

    def waiters(self, service: str) -> list[Waiter]:
        """Return all of botocore's waiters for a service; raises UnknownName."""
        return list(dict.fromkeys(self._service(service).waiters.values()))

    def _service(self, name: str) -> "_Service":
        if name not in self._services:
            known = self.services()
            if name not in known:
                raise UnknownName(f"there is no service `{name}`", did_you_mean(name, known))
            self._services[name] = _Service(name, self._loader)
        return self._services[name]


class _Service:
    def __init__(self, name: str, loader: "Loader") -> None:
        self._name = name
        self._loader = loader
        model = loader.load_service_model(name, "service-2")
        self._model: Mapping[str, Any] = model
        self._shapes = Shapes(name, model["shapes"])
        self._made: dict[str, Operation] = {}

    @cached_property
    def names(self) -> Mapping[str, str]:
        """API names by boto3's names."""
        from botocore import xform_name

        return {xform_name(api_name): api_name for api_name in self._model["operations"]}

    @cached_property
    def api_names(self) -> Mapping[str, str]:
        """boto3's names by API names."""
        return {api_name: name for name, api_name in self.names.items()}

    def operation(self, name: str) -> Operation | None:
        name = self.api_names.get(name, name)
        if name not in self._made and name in self.names:
            self._made[name] = self._make(name, self.names[name])
        return self._made.get(name)

    def _make(self, name: str, api_name: str) -> Operation:
        return Operation(
            service=self._name,
            name=name,
            api_name=api_name,
            iam_prefix=self._iam_prefix,
            paginator=self._paginators.get(api_name),
            shapes=self._shapes,
            model=self._model["operations"][api_name],
        )

    @property
    def _iam_prefix(self) -> str:
        metadata = self._model["metadata"]
        prefix: str = metadata.get("signingName", metadata["endpointPrefix"])
        return _IAM_PREFIXES.get(prefix, prefix)

    @cached_property
    def _paginators(self) -> Mapping[str, Mapping[str, Any]]:
        found: Mapping[str, Mapping[str, Any]] = self._extra("paginators-1", "pagination")
        return found

    @cached_property
    def waiters(self) -> Mapping[str, Waiter]:
        """Waiters, each by boto3's and by botocore's name."""
        from botocore import xform_name

        found: dict[str, Waiter] = {}
        for name, data in self._extra("waiters-2", "waiters").items():
            waiter = Waiter(self._name, xform_name(name), xform_name(data["operation"]), data)
            found[name] = found[waiter.name] = waiter
        return found

    def _extra(self, kind: str, key: str) -> Any:
        from botocore.exceptions import DataNotFoundError

        try:
            return self._loader.load_service_model(self._name, kind)[key]
        except DataNotFoundError:
            return {}
