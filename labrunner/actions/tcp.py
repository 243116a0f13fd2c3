"""Try a TCP connection: a port is open, refuses, stays silent or cannot be reached."""

import errno
import socket
import time
from dataclasses import dataclass
from typing import Literal

from labrunner.actions.arguments import Host, Limit, Port, read
from labrunner.model import Model
from labrunner.outcome import Answer, Call, Outcome, Refusal

_UNREACHABLE = frozenset({
    errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN,
    errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EACCES, errno.EPERM, errno.EINVAL,
})  # fmt: skip
# Of several addresses, the answer that says most about the port is the one that counts.
_TELLING = ("unreachable", "timeout", "refused", "open")


class Connect(Model):
    """The arguments of `tcp: connect`."""

    host: Host
    port: Port
    timeout: Limit = 10


class NameNotResolved(Exception):
    """The host's name has no address."""


@dataclass(frozen=True)
class Reached:
    """What came of connecting; the socket is there when the state is "open"."""

    state: Literal["open", "refused", "timeout", "unreachable"]
    reason: str
    sock: socket.socket | None = None


def perform(call: Call) -> Outcome:
    """Connect once and hang up; whatever the port does is an answer, `seconds` after asking."""
    arguments = read(Connect, call.arguments)
    if isinstance(arguments, Refusal):
        return arguments
    started = time.monotonic()
    try:
        reached = reach(arguments.host, arguments.port, arguments.timeout)
    except NameNotResolved as error:
        return Refusal("NameNotResolved", str(error))
    except OSError as error:
        return Refusal("SocketError", f"no connection was tried: {error.strerror or error}")
    if reached.sock:
        reached.sock.close()
    seconds = round(time.monotonic() - started, 3)
    return Answer({"state": reached.state, "seconds": seconds, "reason": reached.reason})


def reach(host: str, port: int, timeout: float) -> Reached:
    """Connect to the first address of the host that answers, within `timeout` seconds in all.

    Raises NameNotResolved, and OSError for what is wrong on this side.
    """
    addresses = _addresses(host, port)
    ends = time.monotonic() + timeout
    found: list[Reached] = []
    for tried, (family, address) in enumerate(addresses):
        # One silent address leaves time for the next.
        share = (ends - time.monotonic()) / (len(addresses) - tried)
        found.append(_try(family, address, max(share, 0.001)))
        if found[-1].sock:
            break
    best = max(found, key=lambda reached: _TELLING.index(reached.state))
    return Reached(best.state, _reason(best, host, port, timeout), best.sock)


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        raise NameNotResolved(f"the name {host} has no address: {words}") from None
    return [(entry[0], entry[4]) for entry in found]  # type: ignore[misc]


def _try(family: socket.AddressFamily, address: tuple[str, int], timeout: float) -> Reached:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        sock.connect(address)
        itself = sock.getsockname() == sock.getpeername()
    except OSError as error:
        sock.close()
        return _refused(error)
    except BaseException:
        sock.close()
        raise
    if itself:
        # Nobody listens: the system gave this end the very port that it asks for.
        sock.close()
        return Reached("refused", "")
    return Reached("open", "", sock)


def _refused(error: OSError) -> Reached:
    if isinstance(error, ConnectionRefusedError | ConnectionResetError):
        return Reached("refused", "")
    if isinstance(error, TimeoutError):
        return Reached("timeout", "")
    if error.errno in _UNREACHABLE:
        return Reached("unreachable", error.strerror or str(error))
    raise error


def _reason(reached: Reached, host: str, port: int, timeout: float) -> str:
    words = {
        "open": f"port {port} of {host} accepts the connection",
        "refused": f"port {port} of {host} refuses the connection",
        "timeout": f"port {port} of {host} does not answer within {timeout:.3g} s",
        "unreachable": f"{host} cannot be reached: {reached.reason}",
    }
    return words[reached.state]
