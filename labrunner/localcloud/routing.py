"""Which operation of which service an HTTP request means."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from labrunner.localcloud import models
from labrunner.localcloud.request import Target
from labrunner.localcloud.s3 import operations as s3_operations
from labrunner.localcloud.signature import Signature
from labrunner.localcloud.wire import HttpRequest

CBOR = "smithy-rpc-v2-cbor"
CBOR_PATH = re.compile(r"/service/(?P<prefix>[^/]+)/operation/(?P<operation>[^/]+)")
FORM = "application/x-www-form-urlencoded"
REST = frozenset({"rest-json", "rest-xml"})
QUERY = frozenset({"query", "ec2"})
S3_CONTROL_PATH = "/v20180820/"


@dataclass(frozen=True)
class _Call:
    """What a call of an RPC protocol names: the service by a prefix or version, the operation."""

    protocol: str
    service_key: str
    operation: str


def find_target(http: HttpRequest, signature: Signature | None) -> Target:
    """Return the target of a request; anonymous ones that name no service mean S3."""
    call = _rpc_call(http)
    candidates = models.signed_as(signature.service) if signature else _named(call)
    names = {one.name for one in candidates}
    if "s3" in names or not (signature or candidates):
        return _s3_target(http)
    chosen = [one for one in candidates if call and _fits(one, call)] or list(candidates)
    if not chosen:
        assert signature is not None
        what = call.operation if call else f"{http.method} {http.path}"
        protocol = call.protocol if call else "rest-json"
        return Target(signature.service, protocol, None, f"{signature.service}.{what}")
    if call is None or REST & set(chosen[0].protocols):
        return _rest_target(http, chosen)
    return _rpc_target(chosen[0], call)


def _rpc_call(http: HttpRequest) -> _Call | None:
    target = http.headers.get("x-amz-target")
    if target:
        prefix, _, operation = target.rpartition(".")
        return _Call("json", prefix, operation)
    path = CBOR_PATH.fullmatch(http.path)
    if path and http.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return _Call(CBOR, path["prefix"], path["operation"])
    is_form = http.headers.get("content-type").startswith(FORM)
    if not is_form and "Action=" not in http.query:
        return None
    text = http.body.decode("utf-8", "replace") if is_form else http.query
    fields = parse_qs(text)
    action = fields.get("Action", [""])[0]
    return _Call("query", fields.get("Version", [""])[0], action) if action else None


def _named(call: _Call | None) -> tuple[models.Metadata, ...]:
    if call is None:
        return ()
    by = models.by_api_version if call.protocol == "query" else models.by_target_prefix
    found = by(call.service_key)
    return (found,) if found else ()


def _fits(metadata: models.Metadata, call: _Call) -> bool:
    if call.protocol == "query":
        return bool(QUERY & set(metadata.protocols)) and metadata.api_version == call.service_key
    return metadata.target_prefix == call.service_key


def _rpc_target(metadata: models.Metadata, call: _Call) -> Target:
    name = metadata.name
    protocol = call.protocol
    if protocol == "query" and "ec2" in metadata.protocols:
        protocol = "ec2"
    known = models.has_operation(name, call.operation)
    label = f"{name}.{call.operation}"
    return Target(name, protocol, call.operation if known else None, label)


def _rest_target(http: HttpRequest, candidates: Iterable[models.Metadata]) -> Target:
    """Match the path; several services may share a signing name, as the `sagemaker` ones do."""
    from werkzeug.exceptions import NotFound

    from labrunner.localcloud.moto_bridge import routable

    names = [one.name for one in candidates if REST & set(one.protocols)]
    for name in names:
        try:
            operation, params = routable(name, http)
        except (NotFound, NotImplementedError):
            continue
        protocol = str(models.service_model(name).protocol)
        return Target(name, protocol, operation, f"{name}.{operation}", params)
    name = names[0] if names else next(iter(candidates)).name
    protocol = str(models.service_model(name).protocol)
    return Target(name, protocol, None, f"{name}.{http.method} {unquote(http.path)}")


def _s3_target(http: HttpRequest) -> Target:
    host = http.headers.get("host")
    if http.path.startswith(S3_CONTROL_PATH) and (
        "x-amz-account-id" in http.headers or re.match(r"\d{12}\.", host)
    ):
        metadata = next(one for one in models.signed_as("s3") if one.name == "s3control")
        return _rest_target(http, [metadata])
    return s3_operations.find(http)
