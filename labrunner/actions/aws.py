"""Perform one operation of an AWS service."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from labrunner.awsmodel import Models
from labrunner.errors import Failure
from labrunner.outcome import Answer, Call, Outcome, Refusal

_LARGEST_BODY = 64 * 2**20
_SERVER_ERROR = 500
_NOT_IMPLEMENTED = 501


class Aws:
    """Performs calls named "service.operation" through botocore's clients."""

    def __init__(self, client: Callable[[str], Any], models: Models) -> None:
        self._client = client
        self._models = models

    def __call__(self, call: Call) -> Outcome:
        """Make the call; every error that AWS or the network can give comes back as a Refusal."""
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
        from botocore.parsers import ResponseParserError

        service, _, operation = call.name.partition(".")
        try:
            client = self._client(service)
            if call.paginate and client.can_paginate(operation):
                pages = client.get_paginator(operation).paginate(**call.arguments)
                response = pages.build_full_result()
            else:
                response = getattr(client, operation)(**call.arguments)
            model = self._models.operation(service, operation)
            return Answer(model.conceal(_plain(response)))
        except ClientError as error:
            return refusal_of(error.response)
        except ParamValidationError as error:
            return Refusal("ParamValidation", str(error.kwargs["report"]))
        except (BotoCoreError, ResponseParserError) as error:
            return Refusal(type(error).__name__, str(error), certain=False)


def refusal_of(response: Mapping[str, Any]) -> Refusal:
    """Return the refusal that a ClientError's response tells of."""
    error = response.get("Error", {})
    metadata = response.get("ResponseMetadata", {})
    status = int(metadata.get("HTTPStatusCode", 0))
    refused = status < _SERVER_ERROR or status == _NOT_IMPLEMENTED
    return Refusal(
        code=str(error.get("Code", "Unknown")),
        message=str(error.get("Message", "")),
        status=status,
        request_id=str(metadata.get("RequestId", "")),
        # Tried again underneath, an earlier try may have done it.
        certain=refused and not metadata.get("RetryAttempts"),
        response={"ResponseMetadata": _metadata(metadata)},
    )


def _metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("RequestId", "HTTPStatusCode", "RetryAttempts")
    return {name: metadata[name] for name in kept if name in metadata}


def _plain(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return a response as plain data: times as ISO 8601 texts, streams as their bytes."""
    result = {key: _value(value) for key, value in response.items() if key != "ResponseMetadata"}
    if "ResponseMetadata" in response:
        result["ResponseMetadata"] = _metadata(response["ResponseMetadata"])
    return result


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_value(item) for item in value]
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if hasattr(value, "read"):
        body = value.read(_LARGEST_BODY + 1)
        if len(body) > _LARGEST_BODY:
            raise Failure("an object of more than 64 MiB cannot be a step's result")
        return body
    return value
