"""Which S3 operation a request means, and which permission each one needs."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from labrunner.localcloud import models
from labrunner.localcloud.request import Target
from labrunner.localcloud.wire import HttpRequest

# `bucket.s3.localhost`, `bucket.s3.eu-west-1.localhost`, and `bucket.localhost`, which SDKs make
# of the endpoint http://localhost.
VIRTUAL_HOST = re.compile(r"(?P<bucket>.+?)(?:\.s3(?:\.[a-z0-9-]+)?)?\.localhost")
SERVICE_HOST = re.compile(r"s3(?:\.[a-z0-9-]+)?\.localhost")

PATHS = ("/", "/{Bucket}", "/{Bucket}/{Key+}")
Key = tuple[str, int]


@dataclass(frozen=True)
class Rule:
    """An operation, and what the query string and the headers must have for it to be meant."""

    operation: str
    query: Mapping[str, str | None]
    headers: frozenset[str]

    @property
    def weight(self) -> int:
        """The most specific rule that fits is meant; a sub-resource says more than a header."""
        return 2 * len(self.query) + len(self.headers)

    def fits(self, query: Mapping[str, str], http: HttpRequest) -> bool:
        """Whether a request is one of this operation."""
        return all(
            name in query and value in (None, query[name]) for name, value in self.query.items()
        ) and all(name in http.headers for name in self.headers)


@functools.cache
def _rules() -> dict[Key, list[Rule]]:
    """Return the operations by method and by how much of `/bucket/key` their path has."""
    model = models.service_model("s3")
    rules: dict[Key, list[Rule]] = {}
    for name in model.operation_names:
        operation = model.operation_model(name)
        uri = operation.http["requestUri"]
        path, _, query = uri.partition("?")
        if operation.deprecated or path not in PATHS:
            continue
        wanted: dict[str, str | None] = {
            key: value or None for key, value in parse_qsl(query, keep_blank_values=True)
        }
        headers = set()
        shape = operation.input_shape
        for member in shape.required_members if shape else ():
            serialization = shape.members[member].serialization
            if serialization.get("location") == "querystring":
                wanted.setdefault(serialization["name"], None)
            elif serialization.get("location") == "header":
                headers.add(serialization["name"].lower())
        level = path.count("{")
        rules.setdefault((operation.http["method"], level), []).append(
            Rule(name, wanted, frozenset(headers))
        )
    for found in rules.values():
        found.sort(key=lambda rule: rule.weight, reverse=True)
    return rules


def find(http: HttpRequest) -> Target:
    """Return the S3 operation that a request means, path style or virtual-host style."""
    bucket, key = split_path(http)
    level = 2 if key else 1 if bucket else 0
    # The rare `x-id` and the SDKs' own arguments fit no rule and change nothing.
    query = dict(parse_qsl(http.query, keep_blank_values=True))
    params = {}
    if bucket:
        params["Bucket"] = bucket
    if key:
        params["Key"] = key
    for rule in _rules().get((http.method, level), ()):
        if rule.fits(query, http):
            return Target("s3", "rest-xml", rule.operation, f"s3.{rule.operation}", params)
    what = {("POST", 1): "PostObject"}.get((http.method, level), f"{http.method} {http.path}")
    return Target("s3", "rest-xml", None, f"s3.{what}", params)


def split_path(http: HttpRequest) -> tuple[str, str]:
    """Return the bucket and the key of a request, decoded, each empty if there is none."""
    bucket, key = split_raw(http)
    return unquote(bucket), unquote(key)


def split_raw(http: HttpRequest) -> tuple[str, str]:
    """Return the bucket and the key of a request, percent-encoded as they arrived."""
    host = re.sub(r":\d+$", "", http.headers.get("host")).lower()
    path = http.path.removeprefix("/")
    virtual = None if SERVICE_HOST.fullmatch(host) else VIRTUAL_HOST.fullmatch(host)
    if virtual:
        return virtual["bucket"], path
    bucket, _, key = path.partition("/")
    return bucket, key
