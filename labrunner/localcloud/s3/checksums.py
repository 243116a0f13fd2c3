"""Checks an upload against the checksums that came with it."""

import base64
import binascii
import functools
import hashlib
import hmac
import zlib
from collections.abc import Callable

from labrunner.localcloud.errors import AwsError, not_implemented
from labrunner.localcloud.request import Request

PREFIX = "x-amz-checksum-"
CRC32C_POLYNOMIAL = 0x82F63B78
CRC64NVME_POLYNOMIAL = 0x9A6C9329AC4BC9B5
NOT_VALUES = frozenset({"x-amz-checksum-mode", "x-amz-checksum-algorithm", "x-amz-checksum-type"})


def check(request: Request) -> None:
    """Refuse a body that is not what its checksums say; raises AwsError."""
    given = request.headers.get("content-md5")
    if given:
        _check_md5(given, request.body)
    if request.operation == "CompleteMultipartUpload":
        return  # its checksums are of the whole object, not of the list of parts
    for name, value in request.headers:
        lowered = name.lower()
        if lowered.startswith(PREFIX) and lowered not in NOT_VALUES:
            _check_one(lowered.removeprefix(PREFIX), value, request.body)


def _check_md5(given: str, body: bytes) -> None:
    try:
        expected = base64.b64decode(given, validate=True)
    except binascii.Error:
        expected = b""
    actual = hashlib.md5(body, usedforsecurity=False).digest()
    if len(expected) != len(actual):
        text = "The Content-MD5 you specified was invalid."
        raise AwsError("InvalidDigest", text, fields={"Content-MD5": given})
    if not hmac.compare_digest(expected, actual):
        text = "The Content-MD5 you specified did not match what we received."
        calculated = base64.b64encode(actual).decode()
        fields = {"ExpectedDigest": given, "CalculatedDigest": calculated}
        raise AwsError("BadDigest", text, fields=fields)


def _check_one(algorithm: str, given: str, body: bytes) -> None:
    compute = ALGORITHMS.get(algorithm)
    if compute is None:
        raise not_implemented(f"the checksum {algorithm}")
    if base64.b64encode(compute(body)).decode() != given:
        text = f"The {algorithm.upper()} you specified did not match the calculated checksum."
        raise AwsError("BadDigest", text)


def _crc32(body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(4, "big")


@functools.cache
def _table(polynomial: int) -> tuple[int, ...]:
    entries = []
    for value in range(256):
        entry = value
        for _ in range(8):
            entry = (entry >> 1) ^ (polynomial if entry & 1 else 0)
        entries.append(entry)
    return tuple(entries)


def _reflected(body: bytes, polynomial: int, size: int) -> bytes:
    """Return a reflected CRC; plain Python, as the standard library has only CRC32."""
    table = _table(polynomial)
    mask = (1 << (8 * size)) - 1
    value = mask
    for byte in body:
        value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
    return (value ^ mask).to_bytes(size, "big")


def _crc32c(body: bytes) -> bytes:
    return _reflected(body, CRC32C_POLYNOMIAL, 4)


def _crc64nvme(body: bytes) -> bytes:
    return _reflected(body, CRC64NVME_POLYNOMIAL, 8)


ALGORITHMS: dict[str, Callable[[bytes], bytes]] = {
    "crc32": _crc32,
    "crc32c": _crc32c,
    "crc64nvme": _crc64nvme,
    "sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "sha256": lambda body: hashlib.sha256(body).digest(),
}
