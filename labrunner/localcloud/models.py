"""botocore's service models, found by what a request says of its service."""

import functools
import gzip
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.loaders import Loader

if TYPE_CHECKING:
    from moto.core.model import OperationModel, ServiceModel

HEAD_BYTES = 4096
JSON_LIKE = ("json", "smithy-rpc-v2-cbor")


@dataclass(frozen=True)
class Metadata:
    """What a service says of itself at the start of its model."""

    name: str
    protocols: tuple[str, ...]
    signing_name: str
    target_prefix: str
    api_version: str


@functools.cache
def all_metadata() -> tuple[Metadata, ...]:
    """Return the metadata of every service that botocore knows.

    Only the first bytes of each model are read (0.1 s for all), since whole models take minutes.
    """
    loader = Loader()
    root = Path(loader.BUILTIN_DATA_PATH)
    names = loader.list_available_services("service-2")
    return tuple(_metadata(root, name, loader) for name in names)


def _metadata(root: Path, name: str, loader: Loader) -> Metadata:
    path = root / name / loader.determine_latest_version(name, "service-2") / "service-2.json"
    with path.open("rb") if path.exists() else gzip.open(f"{path}.gz") as file:
        head = file.read(HEAD_BYTES).decode("utf-8", "replace")
    start = re.search(r'"metadata"\s*:\s*', head)
    assert start is not None
    found, _ = json.JSONDecoder().raw_decode(head, start.end())
    return Metadata(
        name=name,
        protocols=tuple(found.get("protocols", [found["protocol"]])),
        signing_name=found.get("signingName", found["endpointPrefix"]),
        target_prefix=found.get("targetPrefix", ""),
        api_version=found["apiVersion"],
    )


@functools.cache
def signed_as(signing_name: str) -> tuple[Metadata, ...]:
    """Return the services whose requests are signed by this name."""
    return tuple(one for one in all_metadata() if one.signing_name == signing_name)


@functools.cache
def by_target_prefix(prefix: str) -> Metadata | None:
    """Return the service that an `X-Amz-Target` of this prefix means."""
    return _first(one for one in all_metadata() if one.target_prefix == prefix)


@functools.cache
def by_api_version(version: str) -> Metadata | None:
    """Return the service of the query protocol that has this API version."""
    return _first(
        one
        for one in all_metadata()
        if one.api_version == version and {"query", "ec2"} & set(one.protocols)
    )


def _first(found: Iterable[Metadata]) -> Metadata | None:
    return next(iter(found), None)


@functools.cache
def service_model(name: str) -> "ServiceModel":
    """Return the whole model of a service, with moto's corrections."""
    from moto.core.utils import get_service_model

    return get_service_model(name)


@functools.cache
def operation_model(service: str, operation: str) -> "OperationModel":
    """Return the model of an operation that is known to exist."""
    found: OperationModel = service_model(service).operation_model(operation)
    return found


def has_operation(service: str, operation: str) -> bool:
    """Whether the service has an operation of this name."""
    return operation in service_model(service).operation_names
