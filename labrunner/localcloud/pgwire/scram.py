"""SCRAM-SHA-256 (RFC 5802, RFC 7677) of a server: both sides prove that they know the password.

The library scramp refuses the empty user name that libpq sends, as the startup message has it.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from typing import BinaryIO

from labrunner.localcloud.pgwire.messages import (
    Body,
    ProtocolError,
    authentication,
    read_message,
)

Write = Callable[[bytes], None]
MECHANISM = "SCRAM-SHA-256"
SASL, SASL_CONTINUE, SASL_FINAL = 10, 11, 12
ITERATIONS = 4096
FIRST = re.compile(r"(?P<header>[ny],[^,]*,)(?P<bare>n=[^,]*,r=(?P<nonce>[!-+\--~]+)(?:,.*)?)")
LAST = re.compile(r"(?P<bare>c=(?P<binding>[^,]+),r=(?P<nonce>[^,]+)),p=(?P<proof>[^,]+)")


class WrongPasswordError(Exception):
    """The client does not know the password."""


def authenticate(stream: BinaryIO, write: Write, passwords: Sequence[str]) -> None:
    """Run the exchange; any of the passwords will do.

    Raises WrongPasswordError, also where there is no password at all, and ProtocolError.
    """
    write(authentication(SASL, MECHANISM.encode() + b"\0\0"))
    body = Body(_answer(stream))
    if body.text() != MECHANISM:
        raise ProtocolError("another mechanism than SCRAM-SHA-256")
    first = FIRST.fullmatch(body.take(body.int32()).decode(errors="replace"))
    if first is None:
        raise ProtocolError("a first message that is not SCRAM's")
    salt, nonce = secrets.token_bytes(16), first["nonce"] + secrets.token_urlsafe(18)
    challenge = f"r={nonce},s={base64.b64encode(salt).decode()},i={ITERATIONS}"
    write(authentication(SASL_CONTINUE, challenge.encode()))
    last = LAST.fullmatch(_answer(stream).decode(errors="replace"))
    if last is None or last["nonce"] != nonce:
        raise ProtocolError("a last message that is not SCRAM's")
    if _decoded(last["binding"]) != first["header"].encode():
        raise ProtocolError("another channel binding than was announced")
    signed = f"{first['bare']},{challenge},{last['bare']}".encode()
    proof = _decoded(last["proof"])
    for password in passwords:
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
        client_key = _hmac(salted, b"Client Key")
        signature = _hmac(hashlib.sha256(client_key).digest(), signed)
        expected = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        if hmac.compare_digest(expected, proof):
            own = base64.b64encode(_hmac(_hmac(salted, b"Server Key"), signed))
            write(authentication(SASL_FINAL, b"v=" + own))
            return
    raise WrongPasswordError


def _answer(stream: BinaryIO) -> bytes:
    kind, data = read_message(stream)
    if kind != b"p":
        raise ProtocolError("no answer to the authentication")
    return data


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ProtocolError("a value that is not base64") from None


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()
