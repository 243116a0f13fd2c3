"""The sockets of a machine that the cloud asks for: they stay in the machine's own network."""

import contextlib
import fcntl
import os
import socket
import struct
from pathlib import Path

SIOCSIFADDR = 0x8916
SIOCSIFNETMASK = 0x891C
BACKLOG = 128


def add_addresses(addresses: list[str]) -> None:
    """Give the machine's only interface, the loopback one, further addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for number, address in enumerate(addresses, 1):
            name = f"lo:{number}".encode()
            _set(sock, SIOCSIFADDR, name, address)
            _set(sock, SIOCSIFNETMASK, name, "255.255.255.255")


def _set(sock: socket.socket, call: int, name: bytes, address: str) -> None:
    request = struct.pack("16sH2s4s8x", name, socket.AF_INET, b"", socket.inet_aton(address))
    fcntl.ioctl(sock, call, request)


def listen(address: list[str | int]) -> socket.socket:
    """Listen on a TCP port (host, port), or on a socket file (path) that every user may use."""
    if len(address) > 1:
        return socket.create_server((str(address[0]), int(address[1])), backlog=BACKLOG)
    path = Path(str(address[0]))
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    os.chmod(path, 0o666)  # noqa: S103, PTH101 - all users of the machine
    sock.listen(BACKLOG)
    return sock
