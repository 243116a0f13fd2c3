"""Calls moto in this process: no second server, and none of its own routing or authorization."""

import functools
import importlib
import importlib.util
import io
import os
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from labrunner.localcloud import models
from labrunner.localcloud.errors import not_implemented
from labrunner.localcloud.names import names
from labrunner.localcloud.request import Request
from labrunner.localcloud.wire import Headers, HttpRequest, Response

# Read by moto when it is imported.
os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
os.environ.setdefault("MOTO_DISABLE_GLOBAL_CORS", "true")

PACKAGES = {"lambda": "awslambda"}
DROPPED = names(
    "authorization host x-moto-account-id transfer-encoding content-length expect "
    "x-amz-content-sha256 x-amz-security-token"
)
INTERNAL_HEADERS = frozenset({"status", "server", "content-length"})


def backend(service: str, account: str, place: str) -> Any:
    """Return what moto keeps for a service in a region, or in the partition of a global one."""
    return backends(service)[account][place]


@functools.cache
def backends(service: str) -> Any:
    """Return what moto keeps for a service, by account."""
    package = PACKAGES.get(service, service.replace("-", ""))
    models = importlib.import_module(f"moto.{package}.models")
    return getattr(models, f"{package}_backends")


def prepare(service: str) -> None:
    """Import what moto has of a service, if it has anything."""
    package = PACKAGES.get(service, service.replace("-", ""))
    if importlib.util.find_spec(f"moto.{package}") is not None:
        importlib.import_module(f"moto.{package}.responses")
        importlib.import_module(f"moto.{package}.urls")


def implements(service: str, operation: str) -> bool:
    """Whether moto has code for an operation of a service other than S3."""
    return _response_class(service, operation) is not None


@functools.cache
def _response_class(service: str, operation: str) -> type[Any] | None:
    from moto.core.utils import camelcase_to_underscores

    method = camelcase_to_underscores(operation)
    return next((one for one in _response_classes(service) if hasattr(one, method)), None)


@functools.cache
def _response_classes(service: str) -> tuple[type[Any], ...]:
    package = PACKAGES.get(service, service.replace("-", ""))
    urls = importlib.import_module(f"moto.{package}.urls")
    found = {getattr(view, "__self__", None) for view in urls.url_paths.values()}
    return tuple(one for one in found if isinstance(one, type))


@functools.cache
def _lock(service: str) -> threading.RLock:
    del service  # moto's backends are not made for threads: one call at a time for each service
    return threading.RLock()


def lock(service: str) -> threading.RLock:
    """Return the lock that is held while moto works for a service."""
    return _lock(service)


def routable(service: str, http: HttpRequest) -> tuple[str, Mapping[str, str]]:
    """Return the operation of a REST call and its path parameters; raises werkzeug's NotFound."""
    from moto.core.routing import get_service_router

    environ = _environ(http.method, http.path, http.query, http.headers, b"", "localhost")
    operation, params = get_service_router(service).match(_moto_request(environ))
    return str(operation.name), params


def parameters(request: Request) -> dict[str, Any]:
    """Return the parameters of a call as moto's parsers read them from the wire."""
    from moto.core.parse import PROTOCOL_PARSERS

    http = request.http
    environ = _environ(
        http.method, http.path, http.query, request.headers, request.body, "localhost"
    )
    moto_request = _moto_request(environ)
    values = (
        moto_request.args if request.target.protocol.startswith("rest") else moto_request.values
    )
    model = models.operation_model(request.service, request.operation)
    parsed: dict[str, Any] = PROTOCOL_PARSERS[request.target.protocol](model).parse(
        {
            "method": http.method,
            "values": values,
            "headers": moto_request.headers,
            "body": request.body,
            "url_path": http.path,
            "url_params": dict(request.target.path_params),
        }
    )
    return parsed


def answer(request: Request, changes: Mapping[str, str | None]) -> Response:
    """Let moto answer a call; raises AwsError where moto has no code for it."""
    headers = _headers(request, changes)
    host = f"{request.service}.{request.region}.amazonaws.com"
    path = _s3_path(request) if request.service == "s3" else request.http.path
    environ = _environ(request.http.method, path, request.http.query, headers, request.body, host)
    moto_request = _moto_request(environ, has_forms=request.service != "s3")
    view = _s3_view(request) if request.service == "s3" else _view(request)
    with _lock(request.service):
        try:
            status, found, body = view(moto_request, moto_request.raw_url, moto_request.headers)
        except NotImplementedError:
            raise not_implemented(request.target.label) from None
    return Response(int(status), _clean(found, request), _bytes(body))


def _view(request: Request) -> Any:
    found = _response_class(request.service, request.operation)
    if found is None:
        raise not_implemented(request.target.label)
    return found.dispatch


def _s3_view(request: Request) -> Any:
    from moto.s3.responses import S3Response

    has_key = "Key" in request.target.path_params
    return S3Response.key_dispatch if has_key else S3Response.bucket_dispatch


def _s3_path(request: Request) -> str:
    from labrunner.localcloud.s3.operations import split_raw

    bucket, key = split_raw(request.http)
    return f"/{bucket}/{key}" if key else f"/{bucket}"


def _headers(request: Request, changes: Mapping[str, str | None]) -> Headers:
    replaced = {name.lower() for name in changes} | DROPPED
    pairs = [pair for pair in request.headers if pair[0].lower() not in replaced]
    pairs += [(name, value) for name, value in changes.items() if value is not None]
    pairs.append(("x-moto-account-id", request.cloud.account))
    # moto reads nothing of it but the key and the region; presigned calls have none.
    key = request.signature.access_key if request.signature else "ANONYMOUS"
    scope = f"{key}/20000101/{request.region}/{request.service}/aws4_request"
    pairs.append(("Authorization", f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host"))
    return Headers(pairs)


def _environ(  # noqa: PLR0913 - the parts of an HTTP request
    method: str, path: str, query: str, headers: Headers, body: bytes, host: str
) -> dict[str, Any]:
    from urllib.parse import unquote_to_bytes

    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": f"{path}?{query}" if query else path,
        "SERVER_NAME": host,
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
    }
    original_names = {}
    for name, value in headers:
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        environ[key] = value
        if "_" in name and name.lower().startswith("x-amz-meta-"):
            original_names[key] = name
    environ["HTTP_HOST"] = host
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["moto.preserved_header_names"] = original_names
    return environ


@functools.cache
def _request_class(*, has_forms: bool) -> type[Any]:
    from moto.core.request import Request as MotoRequest

    class ServedRequest(MotoRequest):
        from_wsgi_server = True  # we write the date ourselves

        @property
        def want_form_data_parsed(self) -> bool:
            # An object may well be called a form by its sender; it must not be taken apart.
            return has_forms

    return ServedRequest


def _moto_request(environ: dict[str, Any], *, has_forms: bool = True) -> Any:
    return _request_class(has_forms=has_forms)(environ)


def _clean(headers: Mapping[str, Any], request: Request) -> dict[str, str]:
    is_head = request.http.method == "HEAD"
    return {
        str(name): str(value)
        for name, value in headers.items()
        if value is not None
        and (name.lower() not in INTERNAL_HEADERS or (is_head and name.lower() == "content-length"))
    }


def _bytes(body: str | bytes | Iterable[bytes] | None) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else b"".join(body)
