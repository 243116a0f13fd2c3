"""Every entry of the catalog agrees with botocore's own service models."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from labrunner.catalog import ResourceType, load
from labrunner.catalog.types import Read

LOADER = Loader(include_default_search_paths=True)
AWS = [service for service in load().services.values() if service.kind == "aws"]
TYPES = [
    (service.service, name, entry) for service in AWS for name, entry in service.resources.items()
]


def model(service: str) -> dict[str, OperationModel]:
    loaded = ServiceModel(LOADER.load_service_model(service, "service-2"), service)
    return {xform_name(name): loaded.operation_model(name) for name in loaded.operation_names}


def calls(entry: ResourceType) -> Iterator[Read]:
    yield entry.exists
    if entry.find:
        yield entry.find
    for delete in entry.delete:
        yield delete
        if delete.for_each:
            yield delete.for_each


def check(shape: StructureShape, arguments: dict[str, Any]) -> None:
    assert not set(shape.required_members) - arguments.keys()
    for name, value in arguments.items():
        assert name in shape.members
        member = shape.members[name]
        if isinstance(value, dict) and isinstance(member, StructureShape):
            check(member, value)


@pytest.mark.parametrize(("service", "name", "entry"), TYPES)
def test_an_entry_names_what_exists(service: str, name: str, entry: ResourceType) -> None:
    operations = model(service)
    create = operations[entry.create]
    for change in entry.changed_by:
        for operation, names in change.items() if isinstance(change, dict) else [(change, {})]:
            wanted = operations[operation].input_shape
            assert wanted
            assert not set(names.values()) - wanted.members.keys()
            assert names.keys() <= entry.identity.keys()
    for call in calls(entry):
        wanted = operations[call.operation].input_shape
        assert wanted
        check(wanted, call.arguments)
    for path in entry.identity.values():
        root, member = path.split(".")[:2]
        side = create.input_shape if root == "with" else create.output_shape
        assert side
        assert member.partition("[")[0] in side.members
    if entry.tags:
        shape: Shape | None = create.input_shape
        for member in entry.tags.member.split("."):
            assert isinstance(shape, StructureShape)
            shape = shape.members[member]
    assert entry.named_by_caller or entry.find


@pytest.mark.parametrize("service", AWS, ids=lambda s: s.service)
def test_changes_elsewhere_name_types_and_parameters(service: Any) -> None:
    for operation, kinds in service.changes.items():
        wanted = model(service.service)[operation].input_shape
        assert wanted
        for kind, names in kinds.items():
            assert names.keys() <= load().type(kind).identity.keys()
            assert set(names.values()) <= wanted.members.keys()


@pytest.mark.parametrize("service", AWS, ids=lambda s: s.service)
def test_permissions_name_operations(service: Any) -> None:
    assert not set(service.permissions) - model(service.service).keys()
