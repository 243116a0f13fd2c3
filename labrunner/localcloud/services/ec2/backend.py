"""moto's EC2, called in this process: its objects, its errors as ours, and its way to write XML."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from labrunner.localcloud import models
from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.moto_bridge import backends, lock
from labrunner.localcloud.request import Request
from labrunner.localcloud.wire import Response


@contextlib.contextmanager
def moto(request: Request) -> Iterator[Any]:
    """Yield moto's EC2 of a call's region, locked; what it raises becomes an AwsError."""
    from moto.core.exceptions import ServiceException

    with lock("ec2"):
        try:
            yield backends("ec2")[request.cloud.account][request.region]
        except ServiceException as error:
            raise AwsError(error.code, error.message) from None


def respond(request: Request, result: Mapping[str, Any] | object) -> Response:
    """Write a result that has moto's own objects in it; the caller holds the lock."""
    from moto.core.serialize import (
        SerializationContext,
        XFormedAttributePicker,
        get_serializer_class,
    )
    from moto.ec2.responses._base_response import EC2BaseResponse

    model = models.operation_model("ec2", request.operation)
    # Its own RunInstances always says `pending`, as ours does by itself.
    picker = XFormedAttributePicker(
        response_transformers=EC2BaseResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER
    )
    serializer = get_serializer_class("ec2", request.target.protocol)(
        model, context=SerializationContext(request.request_id), value_picker=picker
    )
    written = serializer.serialize(result)
    body = written["body"]
    headers = {name: str(value) for name, value in written["headers"].items()}
    return Response(
        int(written["status_code"]), headers, body.encode() if isinstance(body, str) else body
    )


def stop_if_dry(request: Request) -> None:
    """End a dry run, once all is checked; raises AwsError."""
    if request.params.get("DryRun"):
        text = "Request would have succeeded, but DryRun flag is set."
        raise AwsError("DryRunOperation", text, 412)


def invalid(name: str, value: object, why: str = "") -> AwsError:
    """Return the refusal of a parameter's value."""
    text = f"Value ({value}) for parameter {name} is invalid. {why}".rstrip()
    return AwsError("InvalidParameterValue", text)


def instances(backend: Any) -> Iterator[Any]:
    """Yield every instance that moto knows."""
    for reservation in tuple(backend.reservations.values()):
        yield from tuple(reservation.instances)


def find_instances(backend: Any, ids: list[str]) -> list[Any]:
    """Return instances by id, in the order asked for; raises AwsError."""
    known = {one.id: one for one in instances(backend)}
    malformed = [one for one in ids if not is_id(one, "i")]
    if malformed:
        raise AwsError("InvalidInstanceID.Malformed", f'Invalid id: "{malformed[0]}"')
    missing = [one for one in ids if one not in known]
    if missing:
        many = len(missing) > 1
        text = f"The instance ID{'s' if many else ''} '{', '.join(missing)}' do"
        text += f"{'' if many else 'es'} not exist"
        raise AwsError("InvalidInstanceID.NotFound", text)
    return [known[one] for one in dict.fromkeys(ids)]


def is_id(text: str, prefix: str) -> bool:
    """Whether a text can be the id of a resource of this kind."""
    kind, _, number = text.partition("-")
    return kind == prefix and number != "" and set(number) <= set("0123456789abcdef")
