"""The messages of PostgreSQL's protocol: reading those of a client, writing those of a server."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

MAX_MESSAGE = 64 << 20
MAX_STARTUP = 10_000
HEAD = 8  # bytes of a startup message before its body
SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102
VERSION_3 = 3 << 16


class ProtocolError(Exception):
    """A client does not follow the protocol, or is gone."""


@dataclass(frozen=True)
class Field:
    """A column of a RowDescription."""

    name: str
    oid: int
    size: int
    modifier: int


def read_exactly(stream: BinaryIO, size: int) -> bytes:
    """Read so many bytes; raises ProtocolError at the end of the stream."""
    data = stream.read(size)
    if len(data) < size:
        raise ProtocolError("the client left")
    return data


def read_startup(stream: BinaryIO) -> tuple[int, bytes]:
    """Read the first message, which has no type: its code and the rest."""
    size, code = struct.unpack("!II", read_exactly(stream, 8))
    if not HEAD <= size <= MAX_STARTUP:
        raise ProtocolError(f"a startup message of {size} bytes")
    return code, read_exactly(stream, size - 8)


def read_message(stream: BinaryIO) -> tuple[bytes, bytes]:
    """Read a message: its type and its body."""
    head = read_exactly(stream, 5)
    (size,) = struct.unpack("!I", head[1:])
    if not 4 <= size <= MAX_MESSAGE:  # noqa: PLR2004 - the size counts itself
        raise ProtocolError(f"a message of {size} bytes")
    return head[:1], read_exactly(stream, size - 4)


class Body:
    """Reads the fields of a message's body."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def text(self) -> str:
        """Read a text that ends with a zero."""
        end = self._data.find(b"\0", self._at)
        if end < 0:
            raise ProtocolError("a text without its end")
        found = self._data[self._at : end]
        self._at = end + 1
        try:
            return found.decode()
        except UnicodeDecodeError:
            raise ProtocolError("a text that is not UTF-8") from None

    def take(self, size: int) -> bytes:
        """Read so many bytes."""
        found = self._data[self._at : self._at + size]
        if size < 0 or len(found) < size:
            raise ProtocolError("a message that is too short")
        self._at += size
        return found

    def int16(self) -> int:
        """Read a number of two bytes."""
        return int(struct.unpack("!h", self.take(2))[0])

    def int32(self) -> int:
        """Read a number of four bytes."""
        return int(struct.unpack("!i", self.take(4))[0])

    def int16s(self) -> list[int]:
        """Read a count and so many numbers of two bytes."""
        return [self.int16() for _ in range(self.int16())]

    def rest(self) -> bytes:
        """Read what is left."""
        return self.take(len(self._data) - self._at)


def message(kind: bytes, body: bytes = b"") -> bytes:
    """Return a message."""
    return kind + struct.pack("!I", len(body) + 4) + body


def _texts(*texts: str) -> bytes:
    return b"".join(one.encode().replace(b"\0", b"") + b"\0" for one in texts)


def authentication(code: int, body: bytes = b"") -> bytes:
    """Return a step of the authentication."""
    return message(b"R", struct.pack("!I", code) + body)


def parameter(name: str, value: str) -> bytes:
    """Return a ParameterStatus."""
    return message(b"S", _texts(name, value))


def key_data(pid: int, secret: int) -> bytes:
    """Return a BackendKeyData."""
    return message(b"K", struct.pack("!II", pid, secret))


def ready(status: str) -> bytes:
    """Return a ReadyForQuery."""
    return message(b"Z", status.encode())


def row_description(fields: Sequence[Field]) -> bytes:
    """Return a RowDescription; every column is a text."""
    body = struct.pack("!H", len(fields))
    for one in fields:
        body += _texts(one.name) + struct.pack("!IhIhih", 0, 0, one.oid, one.size, one.modifier, 0)
    return message(b"T", body)


def data_row(values: Iterable[str | None]) -> bytes:
    """Return a DataRow."""
    parts = []
    for one in values:
        if one is None:
            parts.append(b"\xff\xff\xff\xff")
        else:
            data = one.encode()
            parts.append(struct.pack("!I", len(data)) + data)
    return message(b"D", struct.pack("!H", len(parts)) + b"".join(parts))


def complete(tag: str) -> bytes:
    """Return a CommandComplete."""
    return message(b"C", _texts(tag))


def parameter_description(oids: Sequence[int]) -> bytes:
    """Return a ParameterDescription."""
    return message(b"t", struct.pack(f"!H{len(oids)}I", len(oids), *oids))


def problem(kind: bytes, fields: Sequence[tuple[str, str]]) -> bytes:
    """Return an ErrorResponse (`E`) or a NoticeResponse (`N`)."""
    body = b"".join(code.encode() + _texts(text) for code, text in fields if text)
    return message(kind, body + b"\0")


def error(  # noqa: PLR0913 - the fields of the message
    severity: str, state: str, text: str, detail: str = "", hint: str = "", place: str = ""
) -> bytes:
    """Return an ErrorResponse."""
    fields = [("S", severity), ("C", state), ("M", text), ("D", detail), ("H", hint), ("P", place)]
    return problem(b"E", fields)


def notice(text: str) -> bytes:
    """Return a NoticeResponse."""
    return problem(b"N", [("S", "INFO"), ("C", "00000"), ("M", text)])
