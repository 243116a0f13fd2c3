"""Connect to a machine by SSH: with one key, and only to the machine that is expected."""

import contextlib
import logging
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from labrunner.actions import tcp
from labrunner.actions.hostkeys import HostKey, NoHostKeys, fingerprint, has_type, parse
from labrunner.actions.keyfile import KeyUnreadable, private_key
from labrunner.outcome import Refusal

if TYPE_CHECKING:
    from paramiko import Channel, PKey, Transport

Report = Callable[[str], None]
Made = TypeVar("Made")

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 8.0
_LONGEST_TRY = 10.0
_KEPT_ALIVE_S = 15
_LOST_AFTER_MS = 60_000
_CODES = {"refused": "ConnectionRefused", "timeout": "ConnectionTimeout"}
_CIPHERS = (
    "aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr",
)  # fmt: skip
_MACS = (
    "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256", "hmac-sha2-512",
)  # fmt: skip

# paramiko logs what it raises too; without this, Python prints that to the user's terminal.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Connection:
    """Where and as whom to connect, and what the machine must prove to be.

    `host_keys` is what `hostkeys.parse` reads: a console output, keys or fingerprints.
    """

    host: str
    port: int
    user: str
    key_file: Path
    host_keys: str


@dataclass(frozen=True)
class Session:
    """An open session on a machine that has shown an expected host key."""

    transport: "Transport"
    channel: "Channel"
    host_key: str

    @property
    def lost(self) -> bool:
        """Whether the connection broke off; asked when the channel is closed."""
        # paramiko closes the channels of a broken connection just before it says that it is broken.
        self.transport.join(0.2)
        return not self.transport.is_active()

    @property
    def signal(self) -> str:
        """The name of the signal that ended the command, as "KILL"; empty if none did."""
        return str(getattr(self.transport.packetizer, "signal", ""))


class NotConnected(Exception):
    """There is no connection; surely nothing was executed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.refusal = Refusal(code, message)


class _NotYet(Exception):
    """There is no connection, and the next try may make one."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@contextlib.contextmanager
def connected(connection: Connection, timeout: float, report: Report) -> Iterator[Session]:
    """Open a session, trying for `timeout` seconds; raises NotConnected."""
    pinned = host_keys(connection)
    try:
        key = private_key(connection.key_file)
    except KeyUnreadable as error:
        raise NotConnected("KeyUnreadable", str(error)) from None

    def attempt(limit: float) -> Session:
        transport, shown = _verified(connection, pinned, limit)
        try:
            _authenticate(transport, connection, key, limit)
            return Session(transport, _channel(transport, connection, limit), shown.fingerprint)
        except BaseException:
            _close(transport)
            raise

    session = _persistently(timeout, report, attempt)
    try:
        yield session
    finally:
        with contextlib.suppress(EOFError, OSError):
            session.channel.close()
        _close(session.transport)


def shown_host_key(connection: Connection, timeout: float, report: Report) -> HostKey:
    """Return the expected key that the machine shows; raises NotConnected."""
    pinned = host_keys(connection)

    def attempt(limit: float) -> HostKey:
        transport, shown = _verified(connection, pinned, limit)
        _close(transport)
        return shown

    return _persistently(timeout, report, attempt)


def host_keys(connection: Connection) -> tuple[HostKey, ...]:
    """Return the keys that the machine may show; raises NotConnected when none is known."""
    try:
        return parse(connection.host_keys, connection.host, connection.port)
    except NoHostKeys as error:
        words = f"{error}, and labrunner connects to no machine that it cannot recognise"
        raise NotConnected("NoHostKeys", words) from None


def _persistently(timeout: float, report: Report, attempt: Callable[[float], Made]) -> Made:
    started, wait = time.monotonic(), _FIRST_WAIT
    while True:
        left = started + timeout - time.monotonic()
        try:
            return attempt(min(max(left, 0.1), _LONGEST_TRY))
        except tcp.NameNotResolved as error:
            raise NotConnected("NameNotResolved", str(error)) from None
        except _NotYet as error:
            elapsed = time.monotonic() - started
            if elapsed >= timeout:
                words = f"{error}; tried for {elapsed:.3g} s"
                raise NotConnected(error.code, words) from None
            wait = min(wait, timeout - elapsed)
            report(f"{error}; again in {wait:.2g} s ({elapsed:.0f} of {timeout:g} s)")
        time.sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT)


def _verified(
    connection: Connection, pinned: tuple[HostKey, ...], limit: float
) -> tuple["Transport", HostKey]:
    """Return a connection whose host key is one of those pinned.

    A bare fingerprint does not say of which type its key is, so a server that shows another key
    is asked for one of the next type.
    """
    shown: list[HostKey] = []
    while True:
        transport = _transport(connection, limit)
        try:
            key = _negotiate(transport, connection, pinned, shown, limit)
        except BaseException:
            _close(transport)
            raise
        if key and any(key.fingerprint == expected.fingerprint for expected in pinned):
            return transport, key
        _close(transport)
        shown += [key] if key else []
        if key is None or all(expected.type for expected in pinned):
            raise _mismatch(connection, pinned, shown)


def _transport(connection: Connection, limit: float) -> "Transport":
    import paramiko

    try:
        reached = tcp.reach(connection.host, connection.port, limit)
    except OSError as error:
        words = f"no connection was tried: {error.strerror or error}"
        raise NotConnected("SocketError", words) from None
    if reached.sock is None:
        raise _NotYet(_CODES.get(reached.state, "Unreachable"), reached.reason)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # A machine that is switched off does not hang up, nor answer what keeps alive.
        reached.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _LOST_AFTER_MS)
    transport = paramiko.Transport(reached.sock, packetizer_class=_packetizer())
    transport.set_keepalive(_KEPT_ALIVE_S)
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = limit
    options = transport.get_security_options()
    options.ciphers, options.digests = _CIPHERS, _MACS
    return transport


def _negotiate(
    transport: "Transport",
    connection: Connection,
    pinned: tuple[HostKey, ...],
    shown: list[HostKey],
    limit: float,
) -> HostKey | None:
    """Return the host key that the server proves to have; None if it has none but `shown`."""
    import paramiko

    options = transport.get_security_options()
    left = [name for name in options.key_types if not has_type(name, shown)]
    options.key_types = sorted(left, key=lambda name: not has_type(name, pinned))
    started = time.monotonic()
    try:
        transport.start_client(timeout=limit)
        key = transport.get_remote_server_key()
    except paramiko.ssh_exception.IncompatiblePeer as error:
        if shown:
            return None
        words = f"{connection.host} offers no SSH that is safe today: {error}"
        raise NotConnected("NoCommonAlgorithm", words) from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        late = time.monotonic() - started >= limit
        raise _lost(connection, "before SSH begins", error, late=late) from None
    return HostKey(fingerprint(key.asbytes()), key.get_name(), key.get_base64())


def _authenticate(
    transport: "Transport", connection: Connection, key: "PKey", limit: float
) -> None:
    import paramiko

    started = time.monotonic()
    try:
        methods = transport.auth_publickey(connection.user, key)
    except paramiko.BadAuthenticationType as error:
        methods = error.allowed_types
    except (paramiko.SSHException, EOFError, OSError) as error:
        late = time.monotonic() - started >= limit
        if late or not transport.is_active():
            raise _lost(connection, "while it is asked to let in", error, late=late) from None
        methods = ["publickey"]
    if methods:
        raise NotConnected(
            "AuthenticationFailed",
            f"Permission denied ({','.join(methods)}): {connection.host} does not let "
            f"{connection.user} in with the key {connection.key_file}",
        )


def _channel(transport: "Transport", connection: Connection, limit: float) -> "Channel":
    import paramiko

    started = time.monotonic()
    try:
        return transport.open_session(timeout=limit)
    except paramiko.ChannelException as error:
        raise NotConnected(
            "SessionRefused", f"{connection.host} opens no session: {error.text}"
        ) from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        late = time.monotonic() - started >= limit
        raise _lost(connection, "before the session begins", error, late=late) from None


def _lost(connection: Connection, when: str, error: Exception, *, late: bool) -> _NotYet:
    place = f"port {connection.port} of {connection.host}"
    if late:
        return _NotYet("ConnectionTimeout", f"{place} accepts the connection and stays silent")
    detail = f" ({error})" if str(error) else ""
    return _NotYet("ConnectionLost", f"{place} closes the connection {when}{detail}")


def _mismatch(
    connection: Connection, pinned: tuple[HostKey, ...], shown: list[HostKey]
) -> NotConnected:
    return NotConnected(
        "HostKeyMismatch",
        f"{connection.host} shows the host key {' and '.join(map(str, shown))}; expected: "
        f"{' or '.join(map(str, pinned))}. Somebody may be in between, or the address belongs to "
        "another machine now. Nothing was sent to it",
    )


def _close(transport: "Transport") -> None:
    """Hang up, and let paramiko's thread see that: it ends at once, with what it holds."""
    with contextlib.suppress(OSError):
        transport.sock.shutdown(socket.SHUT_RDWR)
    if transport.is_alive():
        transport.join(1)
    transport.close()
    transport.sock.close()


def _packetizer() -> type:
    """Return paramiko's reader of packets, which also notes the signal that ended the command.

    paramiko drops the message that has it (RFC 4254, section 6.10).
    """
    from paramiko.common import MSG_CHANNEL_REQUEST
    from paramiko.message import Message
    from paramiko.packet import Packetizer

    class SignalNoting(Packetizer):
        signal = ""

        def read_message(self) -> tuple[int, Message]:
            kind, message = super().read_message()
            if kind == MSG_CHANNEL_REQUEST:
                copy = Message(message.asbytes())
                copy.get_int()
                if copy.get_text() == "exit-signal":
                    copy.get_boolean()
                    self.signal = copy.get_text()
            return kind, message

    return SignalNoting
