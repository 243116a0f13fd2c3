"""From an HTTP request to its response: find the call, prove the sender, allow it, answer it."""

import hashlib
import hmac
import logging
import secrets
import traceback
from collections.abc import Callable
from datetime import datetime

from labrunner.localcloud import services
from labrunner.localcloud.chunked import KINDS, unwrap
from labrunner.localcloud.cloud import Cloud
from labrunner.localcloud.errors import AwsError, not_implemented
from labrunner.localcloud.principals import ANONYMOUS, Credentials, find_credentials
from labrunner.localcloud.protocol import write, write_error
from labrunner.localcloud.refusals import refuse_signature
from labrunner.localcloud.request import Request, Target
from labrunner.localcloud.routing import find_target
from labrunner.localcloud.server import Settings
from labrunner.localcloud.service import Everything, Service
from labrunner.localcloud.signature import (
    UNSIGNED,
    Signature,
    SignatureError,
    check_time,
    check_value,
    read,
)
from labrunner.localcloud.wire import Headers, HttpRequest, Response

UNKNOWN = Target("s3", "rest-xml", None, "s3")


class App:
    """Answers the AWS calls of one cloud."""

    def __init__(
        self,
        settings: Settings,
        log: logging.Logger,
        now: Callable[[], datetime] | None = None,
        port: int = 0,
    ) -> None:
        self.cloud = Cloud(settings, now, port)
        self._log = log
        self._used: set[str] = set()

    @property
    def is_empty(self) -> bool:
        """Whether no service has a resource; one that was never called has none."""
        return all(
            service.is_empty(self.cloud)
            for service in map(services.find, tuple(self._used))
            if service is not None
        )

    def warm_up(self) -> None:
        """Import what the first S3 call needs."""
        services.find("s3")
        http = HttpRequest("GET", "/", "", Headers([("Host", "localhost")]))
        find_target(http, None)

    def close(self) -> None:
        """End what the services started."""
        self.cloud.close()

    def respond(self, http: HttpRequest) -> Response:
        """Answer a call; never raises."""
        request_id = secrets.token_hex(8).upper()
        target = UNKNOWN
        try:
            target, signature = self._target(http)
            response = self._answer(http, target, signature, request_id)
        except AwsError as error:
            response = write_error(error, target.service, target.protocol, request_id)
        except Exception as error:  # noqa: BLE001 - the caller gets an AWS error, the log the rest
            self._log.error("%s %s: %s", request_id, target.label, traceback.format_exc())
            text = f"{target.label} failed: {type(error).__name__}: {error}"
            failure = AwsError("InternalFailure", text, 500)
            response = write_error(failure, target.service, target.protocol, request_id)
        return _with_ids(response, target.service, request_id)

    def _target(self, http: HttpRequest) -> tuple[Target, Signature | None]:
        try:
            signature = read(http)
        except SignatureError as error:
            target = find_target(http, None)
            raise refuse_signature(error, target.service, target.protocol) from None
        return find_target(http, signature), signature

    def _answer(
        self, http: HttpRequest, target: Target, signature: Signature | None, request_id: str
    ) -> Response:
        service = services.find(target.service)
        try:
            credentials = self._credentials(http, signature)
        except SignatureError as error:
            raise refuse_signature(error, target.service, target.protocol) from None
        if service is None or target.operation is None:
            raise not_implemented(target.label)
        if signature is None and target.operation not in service.anonymous:
            anonymous = SignatureError("anonymous")
            raise refuse_signature(anonymous, target.service, target.protocol)
        self._used.add(target.service)
        request = self._request(http, target, signature, credentials, request_id)
        return _dispatch(service, request)

    def _credentials(self, http: HttpRequest, signature: Signature | None) -> Credentials | None:
        if signature is None:
            return None
        credentials = find_credentials(self.cloud, signature)
        check_time(signature, self.cloud.now())
        check_value(http, signature, credentials.secret_key)
        return credentials

    def _request(
        self,
        http: HttpRequest,
        target: Target,
        signature: Signature | None,
        credentials: Credentials | None,
        request_id: str,
    ) -> Request:
        secret = credentials.secret_key if credentials else ""
        body, headers = _payload(http, signature, secret)
        return Request(
            http=http,
            cloud=self.cloud,
            target=target,
            principal=credentials.principal if credentials else ANONYMOUS,
            signature=signature,
            region=signature.region if signature else self.cloud.settings.region,
            request_id=request_id,
            body=body,
            headers=headers,
        )


def _dispatch(service: Service, request: Request) -> Response:
    from labrunner.localcloud.moto_bridge import implements

    operation = request.operation
    handler = service.handlers.get(operation)
    if handler is None and (
        operation not in service.moto
        # A service that lists moto's operations by name has looked at each.
        or (isinstance(service.moto, Everything) and not implements(service.name, operation))
    ):
        raise not_implemented(request.target.label)
    service.authorize(request)
    if handler is None:
        return request.moto()
    result = handler(request)
    return result if isinstance(result, Response) else write(request, result)


def _payload(http: HttpRequest, signature: Signature | None, secret: str) -> tuple[bytes, Headers]:
    """Return the body without its coding, checked against its hash; raises AwsError."""
    kind = http.headers.get("x-amz-content-sha256")
    if kind in KINDS:
        return _unwrapped(http, kind, signature, secret)
    if signature and kind and kind != UNSIGNED:
        actual = hashlib.sha256(http.body).hexdigest()
        if not hmac.compare_digest(actual.encode(), kind.encode()):
            text = "The provided 'x-amz-content-sha256' header does not match what was computed."
            fields = {"ClientComputedContentSHA256": kind, "S3ComputedContentSHA256": actual}
            raise AwsError("XAmzContentSHA256Mismatch", text, fields=fields)
    return http.body, http.headers


def _unwrapped(
    http: HttpRequest, kind: str, signature: Signature | None, secret: str
) -> tuple[bytes, Headers]:
    found = unwrap(http.body, kind, signature, secret)
    expected = http.headers.get("x-amz-decoded-content-length")
    if expected and expected != str(len(found.payload)):
        text = "The request body terminated unexpectedly"
        raise AwsError("IncompleteBody", text)
    gone = {"x-amz-content-sha256", "content-encoding", "x-amz-trailer"}
    pairs = [pair for pair in http.headers if pair[0].lower() not in gone]
    codings = [coding.strip() for coding in http.headers.get("content-encoding").split(",")]
    kept = ",".join(coding for coding in codings if coding not in ("", "aws-chunked"))
    if kept:
        pairs.append(("Content-Encoding", kept))
    return found.payload, Headers([*pairs, *found.trailers])


def _with_ids(response: Response, service: str, request_id: str) -> Response:
    headers = dict(response.headers)
    # moto has written an id of its own into the body as well.
    request_id = headers.pop("x-amzn-requestid", request_id)
    if service == "s3":
        headers["x-amz-request-id"] = request_id
        headers["x-amz-id-2"] = request_id
    headers["x-amzn-RequestId"] = request_id
    return Response(response.status, headers, response.body)
