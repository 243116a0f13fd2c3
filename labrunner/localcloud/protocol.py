"""Parameters from the wire, and results and errors to the wire, by each protocol's own form."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from labrunner.localcloud import models
from labrunner.localcloud.errors import AwsError, not_implemented
from labrunner.localcloud.request import Request
from labrunner.localcloud.wire import Response

CBOR = "smithy-rpc-v2-cbor"
XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
SERVER_FAULT = 500
NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse(request: Request) -> dict[str, Any]:
    """Return the parameters of a call by boto3's names; raises AwsError if they do not parse."""
    from moto.core.parse import PROTOCOL_PARSERS, RequestParserError

    from labrunner.localcloud.moto_bridge import parameters

    if request.target.protocol not in PROTOCOL_PARSERS:
        raise not_implemented(f"{request.target.label} over {request.target.protocol}")
    try:
        return parameters(request)
    except RequestParserError:
        text = "The XML you provided was not well-formed or did not validate against our schema"
        raise AwsError("MalformedXML", text) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        code = "SerializationException" if "json" in request.target.protocol else "MalformedInput"
        raise AwsError(code, f"The request cannot be read: {error}.") from None


def write(request: Request, result: Mapping[str, Any] | None) -> Response:
    """Return a handler's result, by boto3's names, as the response of its operation."""
    from moto.core.serialize import SerializationContext, get_serializer_class

    protocol = request.target.protocol
    if protocol == CBOR:
        raise not_implemented(f"{request.target.label} over {protocol}")
    model = models.operation_model(request.service, request.operation)
    serializer = get_serializer_class(request.service, protocol)(
        model, context=SerializationContext(request.request_id)
    )
    written = serializer.serialize(dict(result or {}))
    body = written["body"]
    headers = {name: str(value) for name, value in written["headers"].items()}
    return Response(
        int(written["status_code"]), headers, body.encode() if isinstance(body, str) else body
    )


def write_error(error: AwsError, service: str, protocol: str, request_id: str) -> Response:
    """Return an error in the form that SDKs expect of this service."""
    form = _s3_error if service == "s3" else FORMS.get(protocol, _rest_xml_error)
    content_type, body, headers = form(error, request_id)
    headers = {"Content-Type": content_type, **headers, **error.headers}
    return Response(error.status, headers, body)


Written = tuple[str, bytes, dict[str, str]]


def _json_error(error: AwsError, request_id: str) -> Written:
    del request_id  # a header carries it
    body = {"__type": error.code, "message": error.message, **error.fields}
    headers = {"x-amzn-errortype": error.code}
    return "application/x-amz-json-1.1", json.dumps(body).encode(), headers


def _rest_json_error(error: AwsError, request_id: str) -> Written:
    _, body, headers = _json_error(error, request_id)
    return "application/json", body, headers


def _cbor_error(error: AwsError, request_id: str) -> Written:
    del request_id
    fields = {"__type": error.code, "message": error.message, **error.fields}
    body = b"\xbf"  # a map of indefinite length
    for name, value in fields.items():
        body += _cbor_text(name) + _cbor_text(value)
    return "application/cbor", body + b"\xff", {"smithy-protocol": "rpc-v2-cbor"}


def _cbor_text(text: str) -> bytes:
    data = text.encode()
    return b"\x7a" + len(data).to_bytes(4, "big") + data


def _elements(fields: Mapping[str, str]) -> str:
    return "".join(
        f"<{name}>{escape(NOT_IN_XML.sub('?', value))}</{name}>" for name, value in fields.items()
    )


def _fields(error: AwsError) -> str:
    return _elements({"Code": error.code, "Message": error.message, **error.fields})


def _query_error(error: AwsError, request_id: str) -> Written:
    fault = "Receiver" if error.status >= SERVER_FAULT else "Sender"
    inner = f"<Error><Type>{fault}</Type>{_fields(error)}</Error>"
    text = f"<ErrorResponse>{inner}<RequestId>{request_id}</RequestId></ErrorResponse>"
    return "text/xml", (XML + text).encode(), {}


def _ec2_error(error: AwsError, request_id: str) -> Written:
    inner = f"<Errors><Error>{_fields(error)}</Error></Errors>"
    text = f"<Response>{inner}<RequestID>{request_id}</RequestID></Response>"
    return "text/xml;charset=UTF-8", (XML + text).encode(), {}


def _rest_xml_error(error: AwsError, request_id: str) -> Written:
    _, body, headers = _query_error(error, request_id)
    return "application/xml", body, headers


def _s3_error(error: AwsError, request_id: str) -> Written:
    ids = _elements({"RequestId": request_id, "HostId": request_id})
    return "application/xml", f"{XML}<Error>{_fields(error)}{ids}</Error>".encode(), {}


FORMS: dict[str, Callable[[AwsError, str], Written]] = {
    "json": _json_error,
    "rest-json": _rest_json_error,
    CBOR: _cbor_error,
    "query": _query_error,
    "ec2": _ec2_error,
    "rest-xml": _rest_xml_error,
}
