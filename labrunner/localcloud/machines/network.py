"""The addresses of machines on this host, and the ports that are open there."""

import asyncio
import contextlib
import errno
import ipaddress
import random
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

SSH = 22
SSH_HIGH = 2222  # where ports below 1024 are not ours to open, or the host's own server has 22
LOOPBACK = "127.0.0.1"
TRIES = 100
BACKLOG = 128
# A rule opens each of its ports; a range of more than these opens SSH only.
MOST_PORTS = 100
REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EADDRINUSE, errno.EADDRNOTAVAIL})
CHUNK = 65536
FULL_SECONDS = 0.1

Serve = Callable[[socket.socket, int], Awaitable[None]]


@dataclass(frozen=True)
class Rule:
    """TCP ports, the last included, that may be reached from a network."""

    first: int
    last: int
    source: ipaddress.IPv4Network

    def allows(self, port: int, source: str) -> bool:
        """Whether it lets a connection in."""
        return self.first <= port <= self.last and ipaddress.IPv4Address(source) in self.source

    @property
    def ports(self) -> range:
        """The ports that it opens one by one."""
        found = range(self.first, self.last + 1)
        if len(found) > MOST_PORTS:
            return range(SSH, SSH + (SSH in found))
        return found


@dataclass
class Address:
    """An address that one machine has, and the port where its SSH server is reached."""

    ip: str
    ssh_port: int
    # Says to other clouds on this host that the address is taken, as long as it is open.
    _claim: socket.socket | None = field(default=None, repr=False)

    def release(self) -> None:
        """Give it back."""
        if self._claim is not None:
            self._claim.close()
            self._claim = None


def take_address(platform: str = sys.platform, choose: random.Random | None = None) -> Address:
    """Return an address that nothing on this host uses; raises OSError if there is none.

    Linux has all of 127.0.0.0/8. Elsewhere there is one address, so machines differ in their port.
    """
    if platform != "linux":
        with socket.create_server((LOOPBACK, 0)) as probe:
            return Address(LOOPBACK, int(probe.getsockname()[1]))
    choose = choose or random.SystemRandom()
    for number in range(TRIES):
        ip = f"127.{choose.randrange(64, 128)}.{choose.randrange(256)}.{choose.randrange(1, 255)}"
        claim = _claim(ip)
        if claim is None:
            continue
        for port in (SSH, SSH_HIGH, SSH_HIGH + 1 + number):
            if _is_free(ip, port):
                return Address(ip, port, claim)
        claim.close()
    raise OSError(errno.EADDRNOTAVAIL, "no loopback address is free")


def _claim(ip: str) -> socket.socket | None:
    """Take a name in the kernel that is ours alone, and is gone with this process."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0labrunner/{ip}")
    except OSError:
        claim.close()
        return None
    return claim


def _is_free(ip: str, port: int) -> bool:
    try:
        socket.create_server((ip, port)).close()
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        return False
    return True


class Doors:
    """The ports of one machine on the host: each listens only while a rule opens it.

    A port of the machine is the same port of its address, but for SSH's, which may be higher.
    `serve` gets each connection that was let in, and the machine's port; `say` what cannot be.
    """

    def __init__(self, serve: Serve, say: Callable[[str], None]) -> None:
        self._serve = serve
        self._say = say
        self._address: Address | None = None
        self._rules: Collection[Rule] = ()
        self._open: dict[int, socket.socket] = {}
        self._refused: set[int] = set()
        self._connections: set[asyncio.Task[None]] = set()

    async def set_address(self, address: Address | None) -> None:
        """Move to an address, or to none; connections that are open stay."""
        self._close_all()
        self._address = address
        self._refused.clear()
        await self.set_rules(self._rules)

    async def set_rules(self, rules: Collection[Rule]) -> None:
        """Open and close ports; when it returns, that is done."""
        self._rules = rules
        wanted = {port for rule in rules for port in rule.ports if rule.allows(port, LOOPBACK)}
        wanted = wanted if self._address is not None else set()
        self._refused &= wanted
        for port in self._open.keys() - wanted:
            self._close(port)
        for port in sorted(wanted - self._open.keys() - self._refused):
            self._listen(port)

    async def close(self) -> None:
        """Close all, the connections too."""
        self._address = None
        self._close_all()
        for one in self._connections:
            one.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _listen(self, port: int) -> None:
        assert self._address is not None
        ip, outer = self._address.ip, self._address.ssh_port if port == SSH else port
        if port != SSH and outer == self._address.ssh_port:
            return
        try:
            sock = socket.create_server((ip, outer), backlog=BACKLOG)
        except OSError as error:
            self._refused.add(port)
            self._say(f"port {port} cannot be opened at {ip}:{outer} of this host: {error}")
            return
        sock.setblocking(False)  # noqa: FBT003 - it takes no names
        self._open[port] = sock
        self._attend_to(sock, port)

    def _attend_to(self, sock: socket.socket, port: int) -> None:
        if self._open.get(port) is sock:
            asyncio.get_running_loop().add_reader(sock.fileno(), self._accept, sock, port)

    def _accept(self, sock: socket.socket, port: int) -> None:
        try:
            connection, (source, *_) = sock.accept()
        except (BlockingIOError, ConnectionError):  # the caller went away
            return
        except OSError:  # no descriptors are left
            loop = asyncio.get_running_loop()
            loop.remove_reader(sock.fileno())
            loop.call_later(FULL_SECONDS, self._attend_to, sock, port)
            return
        if not any(rule.allows(port, source) for rule in self._rules):
            reset(connection)
            return
        task = asyncio.create_task(self._attend(connection, port))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        task.add_done_callback(lambda _: connection.close())  # also when it never began

    async def _attend(self, connection: socket.socket, port: int) -> None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._serve(connection, port)

    def _close(self, port: int) -> None:
        sock = self._open.pop(port)
        asyncio.get_running_loop().remove_reader(sock.fileno())
        sock.close()

    def _close_all(self) -> None:
        for port in tuple(self._open):
            self._close(port)


def reset(connection: socket.socket) -> None:
    """Close a connection so that the other side sees a refusal, not an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


async def splice(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes both ways between two connections until both have ended, and close them."""
    with one, other:
        for sock in (one, other):
            sock.setblocking(False)  # noqa: FBT003 - it takes no names
        await asyncio.gather(_copy(one, other), _copy(other, one))


async def _copy(source: socket.socket, target: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        while data := await loop.sock_recv(source, CHUNK):
            await loop.sock_sendall(target, data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
