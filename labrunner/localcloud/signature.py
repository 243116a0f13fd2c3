"""AWS Signature Version 4: reads who signed a request, and proves it."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from labrunner.localcloud.wire import Headers, HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
TERMINATOR = "aws4_request"
SKEW = timedelta(minutes=15)
MAX_EXPIRES = 7 * 24 * 3600
SAFE = "-_.~"
# These encode the path once; every other service encodes it a second time.
S3_LIKE = frozenset({"s3", "s3express", "s3-object-lambda", "s3-outposts"})
SPACES = re.compile(r" +")
FIELD = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]*)")
SCOPE_PARTS = 5


class SignatureError(Exception):
    """Why a signature is refused: `reason` is the word that `refusals.refuse` turns into AWS's."""

    def __init__(
        self, reason: str, detail: str = "", fields: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{reason} {detail}".strip())
        self.reason = reason
        self.detail = detail
        self.fields = dict(fields or {})


@dataclass(frozen=True)
class Signature:
    """What a request says about its signature; nothing of it is proved yet."""

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    value: str
    timestamp: str
    token: str
    presigned: bool
    expires: int = 0

    @property
    def scope(self) -> str:
        """The credential scope, without the access key."""
        return f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"

    @property
    def signed_at(self) -> datetime:
        """When it was signed; raises SignatureError if that is no time."""
        try:
            moment = datetime.strptime(self.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise SignatureError("malformed", "The date of the signature is invalid.") from None
        if self.timestamp[:8] != self.date:
            raise SignatureError("malformed", "Date in Credential scope does not match the date.")
        return moment


def read(http: HttpRequest) -> Signature | None:
    """Return the signature of a request, None if it is anonymous; raises SignatureError."""
    header = http.headers.get("authorization")
    if header:
        return _read_header(header, http.headers)
    if "X-Amz-Algorithm=" in http.query:
        return _read_query(dict(parse_qsl(http.query, keep_blank_values=True)))
    if "AWSAccessKeyId=" in http.query and "Signature=" in http.query:
        raise SignatureError("unsupported")
    return None


def _read_header(header: str, headers: Headers) -> Signature:
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        known = algorithm == "AWS" or algorithm.startswith("AWS4-ECDSA")
        raise SignatureError("unsupported" if known else "malformed", "Unsupported Authorization.")
    fields = dict(FIELD.findall(rest))
    if len(fields) != 3:  # noqa: PLR2004 - Credential, SignedHeaders, Signature
        raise SignatureError("malformed", "The authorization header is malformed.")
    return _signature(
        fields["Credential"],
        fields["SignedHeaders"],
        fields["Signature"],
        headers.get("x-amz-date"),
        headers.get("x-amz-security-token"),
    )


def _read_query(query: Mapping[str, str]) -> Signature:
    if query["X-Amz-Algorithm"] != ALGORITHM:
        raise SignatureError("unsupported")
    names = ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date")
    if any(not query.get(name) for name in names):
        raise SignatureError("malformed", "A parameter of the query signature is missing.")
    expires = query.get("X-Amz-Expires", "")
    if not expires.isdecimal() or not 0 < int(expires) <= MAX_EXPIRES:
        raise SignatureError("malformed", "X-Amz-Expires must be between 1 and 604800 seconds.")
    token = query.get("X-Amz-Security-Token", "")
    credential, headers, value, timestamp = (query[name] for name in names)
    return _signature(credential, headers, value, timestamp, token, expires=int(expires))


def _signature(  # noqa: PLR0913 - the parts of one signature
    credential: str, headers: str, value: str, timestamp: str, token: str, *, expires: int = 0
) -> Signature:
    parts = credential.rsplit("/", SCOPE_PARTS - 1)
    if len(parts) != SCOPE_PARTS or parts[4] != TERMINATOR:
        raise SignatureError("malformed", "The Credential is malformed.")
    key, date, region, service, _ = parts
    signed = tuple(headers.split(";"))
    return Signature(
        key, date, region, service, signed, value, timestamp, token, expires > 0, expires
    )


def check_time(signature: Signature, now: datetime) -> None:
    """Refuse a signature of another time than now; raises SignatureError."""
    signed_at = signature.signed_at
    server_time = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    if signature.presigned and now > signed_at + timedelta(seconds=signature.expires):
        ended = signed_at + timedelta(seconds=signature.expires)
        fields = {
            "X-Amz-Expires": str(signature.expires),
            "Expires": ended.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "ServerTime": server_time,
        }
        raise SignatureError("expired", fields=fields)
    late = now - signed_at
    if -late > SKEW or (late > SKEW and not signature.presigned):
        fields = {
            "RequestTime": signature.timestamp,
            "ServerTime": server_time,
            "MaxAllowedSkewMilliseconds": "900000",
        }
        raise SignatureError("skewed", signature.timestamp, fields)


def check_value(http: HttpRequest, signature: Signature, secret: str) -> None:
    """Refuse a signature that this secret did not make; raises SignatureError."""
    unsigned = [
        name
        for name in http.headers.lowered()
        if name.startswith("x-amz-") and name not in signature.signed_headers
    ]
    if unsigned and signature.service in S3_LIKE:
        raise SignatureError("unsigned", fields={"HeadersNotSigned": ", ".join(unsigned)})
    canonical = canonical_request(http, signature)
    expected = sign(secret, signature, string_to_sign(signature, canonical))
    if not hmac.compare_digest(expected.encode(), signature.value.encode()):
        fields = {"AWSAccessKeyId": signature.access_key, "CanonicalRequest": canonical}
        raise SignatureError("mismatch", fields=fields)


def canonical_request(http: HttpRequest, signature: Signature) -> str:
    """Return the text whose hash is signed; raises SignatureError if a header must be signed."""
    found = http.headers.lowered()
    lines = []
    for name in signature.signed_headers:
        value = found.get(name, "")
        lines.append(f"{name}:{SPACES.sub(' ', value.strip())}")
    if "host" not in signature.signed_headers:
        raise SignatureError("mismatch", "The header host must be signed.")
    return "\n".join(
        [
            http.method,
            _canonical_path(http.path, signature.service),
            _canonical_query(http.query),
            *lines,
            "",
            ";".join(signature.signed_headers),
            payload_hash(http, signature),
        ]
    )


def payload_hash(http: HttpRequest, signature: Signature) -> str:
    """Return what stands for the body in the signed text."""
    given = http.headers.get("x-amz-content-sha256")
    if given:
        return given
    if signature.presigned and signature.service in S3_LIKE:
        return UNSIGNED
    return hashlib.sha256(http.body).hexdigest()


def _canonical_path(path: str, service: str) -> str:
    if service in S3_LIKE:
        return quote(unquote_to_bytes(path), safe=f"/{SAFE}")
    return quote(_without_dots(path), safe=f"/{SAFE}")


def _without_dots(path: str) -> str:
    """Resolve `.`, `..` and doubled slashes, as SigV4 does for every service but S3."""
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            kept[-1:] = []
        elif part not in ("", "."):
            kept.append(part)
    joined = "/" + "/".join(kept)
    return joined + "/" if kept and path.endswith("/") else joined


def _canonical_query(query: str) -> str:
    pairs = []
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if name != "X-Amz-Signature":
            pairs.append((_again(name), _again(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _again(text: str) -> str:
    return quote(unquote_to_bytes(text), safe=SAFE)


def string_to_sign(signature: Signature, canonical: str) -> str:
    """Return the text that is signed."""
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{ALGORITHM}\n{signature.timestamp}\n{signature.scope}\n{digest}"


def sign(secret: str, signature: Signature, text: str) -> str:
    """Return the signature of a text in the scope of a request, in hexadecimal."""
    key = f"AWS4{secret}".encode()
    for part in (signature.date, signature.region, signature.service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()
