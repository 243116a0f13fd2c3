"""HTTP/1.1 messages on a socket: reads a request, writes a response."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import BinaryIO

MAX_LINE = 65536
MAX_HEADERS = 200
MAX_BODY = 5 * 1024**3  # S3's own limit of one PUT
NO_BODY = frozenset({204, 304})
VERSIONS = frozenset({"HTTP/1.0", "HTTP/1.1"})
REASONS = {status.value: status.phrase for status in HTTPStatus}


class BadRequestError(Exception):
    """What arrived is not an HTTP request that can be answered by a service."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Headers:
    """HTTP headers in their order, found by name without regard to case."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = tuple(pairs)
        self._found: dict[str, str] = {}
        for name, value in self._pairs:
            key = name.lower()
            self._found[key] = f"{self._found[key]},{value}" if key in self._found else value

    def get(self, name: str, default: str = "") -> str:
        """Return the value, several of one name joined by commas."""
        return self._found.get(name.lower(), default)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._found

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def lowered(self) -> dict[str, str]:
        """Return them by lower-case name."""
        return dict(self._found)


@dataclass(frozen=True)
class HttpRequest:
    """One HTTP request, read whole; `path` and `query` are as they arrived, percent-encoded."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes = b""
    source_ip: str = "127.0.0.1"


@dataclass(frozen=True)
class Response:
    """One HTTP response."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Head:
    """The first line and the headers of a request."""

    method: str
    path: str
    query: str
    headers: Headers
    keep_alive: bool


def read_head(stream: BinaryIO) -> Head | None:
    """Read up to the empty line; None when the client closed instead; raises BadRequestError."""
    line = _read_line(stream)
    if not line:  # an empty line before a request is to be ignored (RFC 9112, 2.2)
        line = _read_line(stream)
    if not line:
        return None
    parts = line.split(" ")
    if len(parts) != 3 or parts[2] not in VERSIONS:  # noqa: PLR2004 - method, target, version
        raise BadRequestError(400, "The request line is malformed.")
    method, target, version = parts
    headers = Headers(_read_headers(stream))
    path, _, query = _origin_form(target).partition("?")
    return Head(method, path, query, headers, _keeps_alive(headers, version))


def _origin_form(target: str) -> str:
    if target.startswith("/") or target == "*":
        return target
    scheme, found, rest = target.partition("://")
    if found and scheme.isalpha():
        return "/" + rest.partition("/")[2]
    raise BadRequestError(400, "The request target is malformed.")


def _keeps_alive(headers: Headers, version: str) -> bool:
    wish = headers.get("connection").lower()
    return wish == "keep-alive" if version == "HTTP/1.0" else "close" not in wish


def _read_line(stream: BinaryIO) -> str:
    line = stream.readline(MAX_LINE + 1)
    if len(line) > MAX_LINE:
        raise BadRequestError(431, "A line of the request is too long.")
    if line and not line.endswith(b"\n"):
        raise ConnectionResetError
    return line.rstrip(b"\r\n").decode("latin-1")


def _read_headers(stream: BinaryIO) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    while line := _read_line(stream):
        name, colon, value = line.partition(":")
        # A space in a name also catches obsolete folding, which proxies read in different ways.
        if not colon or not name or name != name.strip() or " " in name:
            raise BadRequestError(400, "A header of the request is malformed.")
        pairs.append((name, value.strip(" \t")))
        if len(pairs) > MAX_HEADERS:
            raise BadRequestError(431, "The request has too many headers.")
    return pairs


def read_body(stream: BinaryIO, headers: Headers) -> bytes:
    """Read the body by its length or its chunks; raises BadRequestError."""
    encoding = headers.get("transfer-encoding").lower()
    length = headers.get("content-length")
    if encoding:
        if encoding != "chunked" or length:
            raise BadRequestError(400, "The length of the body is ambiguous.")
        return _read_chunks(stream)
    if not length:
        return b""
    if not (length.isascii() and length.isdecimal()):
        raise BadRequestError(400, "Content-Length is not a number.")
    if int(length) > MAX_BODY:
        raise BadRequestError(413, "The body is too large.")
    return _read_exactly(stream, int(length))


def _read_chunks(stream: BinaryIO) -> bytes:
    body = bytearray()
    while True:
        size_text = _read_line(stream).partition(";")[0].strip()
        try:
            size = int(size_text, 16)
        except ValueError:
            raise BadRequestError(400, "A chunk of the body is malformed.") from None
        if size < 0 or len(body) + size > MAX_BODY:
            raise BadRequestError(413, "The body is too large.")
        if size == 0:
            break
        body += _read_exactly(stream, size)
        if _read_line(stream):
            raise BadRequestError(400, "A chunk of the body is malformed.")
    while _read_line(stream):  # trailers
        pass
    return bytes(body)


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise ConnectionResetError
    return data


def encode_head(response: Response, *, is_head: bool, keep_alive: bool) -> bytes:
    """Return the status line and headers of a response as bytes."""
    reason = REASONS.get(response.status, "Unknown")
    lines = [f"HTTP/1.1 {response.status} {reason}", f"Date: {formatdate(usegmt=True)}"]
    lines += [
        f"{name}: {_one_line(value)}"
        for name, value in response.headers.items()
        if name.lower() not in {"content-length", "connection", "transfer-encoding"}
    ]
    if response.status not in NO_BODY:
        lines.append(f"Content-Length: {_length(response, is_head=is_head)}")
    if not keep_alive:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


def _length(response: Response, *, is_head: bool) -> int:
    # The answer to HEAD says how long the body of GET would be.
    given = {name.lower(): value for name, value in response.headers.items()}.get("content-length")
    return int(given) if is_head and given is not None else len(response.body)


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ")
