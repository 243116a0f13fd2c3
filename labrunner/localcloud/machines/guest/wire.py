"""Messages on the socket between a machine and the cloud: JSON, and open files beside it."""

import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Any

HEADER = struct.Struct("!IB")  # bytes of JSON, open files that come along
MOST_FILES = 8

Message = dict[str, Any]


def encode(message: Mapping[str, Any], files: Sequence[int] = ()) -> bytes:
    """Return a message as it is written; file names that are no UTF-8 pass as surrogates."""
    body = json.dumps(message).encode()
    return HEADER.pack(len(body), len(files)) + body


def send(sock: socket.socket, message: Mapping[str, Any], files: Sequence[int] = ()) -> None:
    """Send a message and copies of open files; blocks until all is written."""
    data = encode(message, files)
    sent = socket.send_fds(sock, [data], list(files)) if files else sock.send(data)
    sock.sendall(data[sent:])


def receive(sock: socket.socket) -> tuple[Message, list[int]] | None:
    """Wait for a message and its open files; None when the other side is gone."""
    files: list[int] = []
    header = _exactly(sock, HEADER.size, files)
    if header is None:
        return None
    length, count = HEADER.unpack(header)
    body = _exactly(sock, length, files)
    if body is None or len(files) != count:
        return None
    message: Message = json.loads(body)
    return message, files


def _exactly(sock: socket.socket, size: int, files: list[int]) -> bytes | None:
    data = b""
    while len(data) < size:
        try:
            more, found, _, _ = socket.recv_fds(sock, size - len(data), MOST_FILES)
        except ConnectionError:
            return None
        for file in found:
            os.set_inheritable(file, False)  # noqa: FBT003 - it takes no names
        files += found
        if not more:
            return None
        data += more
    return data


def failure(error: OSError) -> Message:
    """Return the answer to a call that the operating system refused."""
    return {"errno": error.errno or 0, "error": error.strerror or str(error)}
