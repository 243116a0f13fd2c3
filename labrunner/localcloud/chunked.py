"""The `aws-chunked` bodies of S3 uploads: unwraps them and checks every chunk's signature."""

import hashlib
import hmac
from dataclasses import dataclass

from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.signature import Signature, sign

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
KINDS = frozenset({SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER})
EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Unwrapped:
    """The payload of an `aws-chunked` body, and the headers that came after it."""

    payload: bytes
    trailers: tuple[tuple[str, str], ...]


def unwrap(body: bytes, kind: str, signature: Signature | None, secret: str) -> Unwrapped:
    """Return the payload of a streamed body; raises AwsError if it is broken or forged."""
    reader = _Reader(body)
    chain = _Chain(signature, secret) if signature and kind != UNSIGNED_TRAILER else None
    payload = bytearray()
    while True:
        chunk, given = reader.chunk()
        if chain:
            chain.check("AWS4-HMAC-SHA256-PAYLOAD", [EMPTY, _sha256(chunk)], given)
        if not chunk:
            break
        payload += chunk
    trailers = reader.trailers()
    given = dict(trailers).get("x-amz-trailer-signature", "")
    kept = tuple(pair for pair in trailers if pair[0] != "x-amz-trailer-signature")
    if chain and kind == SIGNED_TRAILER:
        text = "".join(f"{name}:{value}\n" for name, value in kept)
        chain.check("AWS4-HMAC-SHA256-TRAILER", [_sha256(text.encode())], given)
    return Unwrapped(bytes(payload), kept)


def _sha256(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()


class _Chain:
    """Each chunk is signed over the signature before it."""

    def __init__(self, signature: Signature, secret: str) -> None:
        self._signature = signature
        self._secret = secret
        self._previous = signature.value

    def check(self, algorithm: str, hashes: list[str], given: str) -> None:
        signature = self._signature
        parts = [algorithm, signature.timestamp, signature.scope, self._previous, *hashes]
        expected = sign(self._secret, signature, "\n".join(parts))
        if not hmac.compare_digest(expected.encode(), given.encode()):
            text = "The request signature we calculated does not match the signature you provided."
            raise AwsError("SignatureDoesNotMatch", text, 403)
        self._previous = expected


class _Reader:
    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def chunk(self) -> tuple[bytes, str]:
        """Return the next chunk, empty for the last, and the signature it carries."""
        size_text, _, extension = self._line().partition(";")
        try:
            size = int(size_text, 16)
        except ValueError:
            raise _incomplete() from None
        start, self._at = self._at, self._at + size
        if size < 0 or self._at > len(self._body):
            raise _incomplete()
        if size and self._line():
            raise _incomplete()
        return self._body[start : start + size], extension.partition("chunk-signature=")[2]

    def trailers(self) -> list[tuple[str, str]]:
        pairs = []
        while self._at < len(self._body) and (line := self._line()):
            name, _, value = line.partition(":")
            pairs.append((name.strip().lower(), value.strip()))
        return pairs

    def _line(self) -> str:
        end = self._body.find(b"\n", self._at)
        if end < 0:
            raise _incomplete()
        line = self._body[self._at : end].rstrip(b"\r").decode("latin-1")
        self._at = end + 1
        return line


def _incomplete() -> AwsError:
    text = "You did not provide the number of bytes specified by the Content-Length HTTP header."
    return AwsError("IncompleteBody", text)
