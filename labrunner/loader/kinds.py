"""What each kind of action takes and gives: the one place that knows, for every kind but `uses`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from labrunner import datasets
from labrunner.awsmodel import METADATA, Models
from labrunner.expressions.types import (
    ANY,
    BYTES,
    INTEGER,
    NUMBER,
    STRING,
    ListType,
    MapType,
    Scalar,
    Struct,
    Type,
)
from labrunner.model import Step

ERROR = Struct(
    "the refusal",
    {
        "Error": Struct("Error", {"Code": STRING, "Message": STRING}),
        "ResponseMetadata": METADATA,
    },
)


@dataclass(frozen=True)
class Kind:
    """The type of an action's `with`, and the type of its result."""

    arguments: Type
    result: Type


_HTTP = Kind(
    arguments=Struct(
        "an http step",
        {"url": STRING, "headers": MapType(STRING), "body": BYTES, "timeout": NUMBER},
        frozenset({"url"}),
    ),
    result=Struct(
        "the result of an http step",
        {
            "status": INTEGER,
            "headers": MapType(STRING),
            "body": STRING,
            "sha256": STRING,
            "bytes": INTEGER,
            "error": Struct("error", {"Code": STRING, "Message": STRING}),
        },
    ),
)


_SSH = Kind(
    arguments=Struct(
        "an ssh step",
        {
            "host": STRING,
            "port": INTEGER,
            "user": STRING,
            "key_file": STRING,
            "host_keys": STRING,
            "command": STRING,
            "stdin": BYTES,
            "exit": ListType(INTEGER),
            "timeout": NUMBER,
            "connect_timeout": NUMBER,
        },
        frozenset({"host", "user", "key_file", "host_keys", "command"}),
    ),
    result=Struct(
        "the result of an ssh step",
        {
            "stdout": STRING,
            "stderr": STRING,
            "exit_status": INTEGER,
            "host_key": STRING,
            "seconds": NUMBER,
        },
    ),
)
_TCP = Kind(
    arguments=Struct(
        "a tcp step",
        {"host": STRING, "port": INTEGER, "timeout": NUMBER},
        frozenset({"host", "port"}),
    ),
    result=Struct(
        "the result of a tcp step",
        {
            "state": Scalar("string", ("open", "refused", "timeout", "unreachable")),
            "seconds": NUMBER,
            "reason": STRING,
        },
    ),
)
_KEY = Kind(
    arguments=Struct("a key step", {"Name": STRING}, frozenset({"Name"})),
    result=Struct(
        "the result of a key step",
        {"Name": STRING, "PublicKey": STRING, "PrivateKeyFile": STRING, "Fingerprint": STRING},
    ),
)


_SQL = Kind(
    arguments=Struct(
        "an sql step",
        {
            "WorkgroupName": STRING,
            "ClusterIdentifier": STRING,
            "DbUser": STRING,
            "SecretArn": STRING,
            "Database": STRING,
            "SessionId": STRING,
            "SessionKeepAliveSeconds": INTEGER,
            "Sql": STRING,
            "Parameters": MapType(ANY),
            "limit": INTEGER,
            "timeout": NUMBER,
        },
        frozenset({"Sql"}),
    ),
    result=Struct(
        "the result of an sql step",
        {
            "Id": STRING,
            "SessionId": STRING,
            "columns": ListType(STRING),
            "rows": ListType(MapType(ANY)),
            "count": INTEGER,
            "seconds": NUMBER,
        },
    ),
)
_UPLOADED = {"Key": STRING, "Bytes": INTEGER, "SHA256": STRING}


def _dataset(step: Step, _models: Models) -> Kind:
    found = datasets.describe(step.dataset or "")
    params = Struct(f"params of {step.dataset}", dict.fromkeys(found.params, INTEGER))
    facts = Struct("facts", dict.fromkeys(datasets.facts(step.dataset or ""), ANY))
    return Kind(
        Struct(
            f"dataset {step.dataset}",
            {"Bucket": STRING, "Prefix": STRING, "params": params},
            frozenset({"Bucket"}),
        ),
        Struct(
            "the result of a dataset step",
            {
                "objects": ListType(Struct("object", _UPLOADED)),
                "bytes": INTEGER,
                "facts": facts,
            },
        ),
    )


def _aws(step: Step, models: Models) -> Kind:
    service, _, name = (step.aws or "").partition(".")
    operation = models.operation(service, name)
    paginated = step.paginate and operation.can_paginate
    return Kind(operation.input, operation.all_pages if paginated else operation.output)


_KINDS: Mapping[str, Callable[[Step, Models], Kind]] = {
    "aws": _aws,
    "http": lambda _step, _models: _HTTP,
    "ssh": lambda _step, _models: _SSH,
    "tcp": lambda _step, _models: _TCP,
    "key": lambda _step, _models: _KEY,
    "sql": lambda _step, _models: _SQL,
    "dataset": _dataset,
}


def kind_of(step: Step, models: Models) -> Kind:
    """Return what the step's action takes and gives.

    Raises UnknownName for an AWS operation, and Failure for a dataset.
    """
    kind = _KINDS[step.kind](step, models)
    return Kind(kind.arguments, _refused(step, kind.result))


def _refused(step: Step, result: Type) -> Type:
    """A step that expects an error has that error as its result, or may have."""
    if step.expect_error is None:
        return result
    if step.expect_error.optional and isinstance(result, Struct):
        return Struct(result.name, {**result.members, "Error": ERROR.members["Error"]})
    return ERROR
