"""One AWS call, as a handler sees it."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from labrunner.localcloud.cloud import Cloud
from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.wire import Headers, HttpRequest, Response

if TYPE_CHECKING:
    from labrunner.localcloud.principals import Principal
    from labrunner.localcloud.signature import Signature


@dataclass(frozen=True)
class Target:
    """Which operation of which service a call means, and how it is written.

    `operation` is None when the service has no such operation; `label` then says what was asked.
    """

    service: str
    protocol: str
    operation: str | None
    label: str
    path_params: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Request:
    """A call whose sender is known; `body` is the payload without any transfer coding."""

    http: HttpRequest
    cloud: Cloud
    target: Target
    principal: "Principal"
    signature: "Signature | None"
    region: str
    request_id: str
    body: bytes
    # Headers as they were sent, and as trailers of a streamed body.
    headers: Headers

    @property
    def service(self) -> str:
        """The service's name as boto3 spells it."""
        return self.target.service

    @property
    def operation(self) -> str:
        """The operation's name as AWS's API reference spells it."""
        assert self.target.operation is not None
        return self.target.operation

    @functools.cached_property
    def query(self) -> dict[str, str]:
        """The query string, decoded; the first of several values of one name."""
        pairs = parse_qsl(self.http.query.replace("+", "%2B"), keep_blank_values=True)
        return dict(reversed(pairs))

    @functools.cached_property
    def params(self) -> dict[str, Any]:
        """The parameters, by the names and types of boto3; raises AwsError if they do not parse."""
        from labrunner.localcloud.protocol import parse

        return parse(self)

    def moto(self, **headers: str | None) -> Response:
        """Let moto answer; `headers` replace those sent (`x_amz_acl="private"`), None drops one."""
        from labrunner.localcloud.moto_bridge import answer

        return answer(self, {k.replace("_", "-"): v for k, v in headers.items()})

    def need(self, name: str) -> Any:
        """Return a parameter that must be there; raises AwsError."""
        value = self.params.get(name)
        if value is None:
            code = "ValidationException" if "json" in self.target.protocol else "ValidationError"
            raise AwsError(code, f"The parameter {name} is required.")
        return value
