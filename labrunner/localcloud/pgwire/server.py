"""A server of PostgreSQL's protocol for one warehouse, on 127.0.0.1."""

import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from labrunner.localcloud.listener import Listener
from labrunner.localcloud.pgwire import messages, scram
from labrunner.localcloud.pgwire.connection import Conversation
from labrunner.localcloud.pgwire.messages import ProtocolError
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.redshift import wording
from labrunner.localcloud.sql.redshift.session import Session

SERVER_VERSION = "8.0.2"
PARAMETERS = {
    "server_version": SERVER_VERSION,
    "server_encoding": "UNICODE",
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "TimeZone": "UTC",
    "integer_datetimes": "on",
    "standard_conforming_strings": "off",
    "is_superuser": "off",
}
STARTUP_SECONDS = 60.0
CHUNK = 1 << 16


class WireServer:
    """Accepts connections until it is closed.

    `passwords` returns those that a user may have now; `open_session` opens a session of a
    database and a user, and raises SqlError.
    """

    def __init__(
        self,
        passwords: Callable[[str], list[str]],
        open_session: Callable[[str, str], Session],
        port: int = 0,
    ) -> None:
        self._passwords = passwords
        self._open_session = open_session
        self._running: dict[tuple[int, int], Session] = {}
        self._lock = threading.Lock()
        self._listener = Listener(port, self._connection)
        self._thread = threading.Thread(target=self._listener.run, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that was bound."""
        return self._listener.port

    def close(self) -> None:
        """End every connection and the server."""
        with self._lock:
            for session in self._running.values():
                session.cancel()
        self._listener.stop()
        self._thread.join(10)

    def _connection(self, connection: socket.socket, address: str) -> None:
        del address
        connection.settimeout(STARTUP_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rb")
        with suppress(ProtocolError, OSError), stream:
            startup = self._startup(stream, connection)
            if startup is not None:
                self._serve(stream, connection, startup)

    def _startup(self, stream: BinaryIO, connection: socket.socket) -> dict[str, str] | None:
        """Read what the client wants to be; None for a request to cancel."""
        while True:
            code, data = messages.read_startup(stream)
            if code in (messages.SSL_REQUEST, messages.GSS_REQUEST):
                connection.sendall(b"N")  # loopback needs no encryption
                continue
            if code == messages.CANCEL_REQUEST:
                self._cancel(messages.Body(data))
                return None
            if code >> 16 != messages.VERSION_3 >> 16:
                text = "unsupported frontend protocol"
                connection.sendall(messages.error("FATAL", "0A000", text))
                return None
            body, found = messages.Body(data), {}
            while name := body.text():
                found[name] = body.text()
            return found

    def _cancel(self, body: messages.Body) -> None:
        key = (body.int32(), body.int32())
        with self._lock:
            session = self._running.get(key)
        if session is not None:
            session.cancel()

    def _serve(self, stream: BinaryIO, connection: socket.socket, startup: dict[str, str]) -> None:
        user, database = startup.get("user", ""), startup.get("database", "")
        if not self._authenticate(stream, connection, user):
            text = f'password authentication failed for user "{user}"'
            connection.sendall(messages.error("FATAL", "28P01", text))
            return
        try:
            session = self._open_session(database, user)
        except SqlError as error:
            state = wording.state_of(error)
            connection.sendall(messages.error("FATAL", state, error.message))
            return
        connection.settimeout(None)
        # Cancelling needs no password but this.
        key = (session.facts.pid, secrets.randbelow(1 << 31))
        with self._lock:
            self._running[key] = session
        try:
            connection.sendall(self._greeting(key, startup))
            Conversation(session, stream, connection.sendall).run()
        finally:
            with self._lock:
                self._running.pop(key, None)
            session.close()

    def _authenticate(self, stream: BinaryIO, connection: socket.socket, user: str) -> bool:
        try:
            scram.authenticate(stream, connection.sendall, self._passwords(user))
        except scram.WrongPasswordError:
            return False
        return True

    @staticmethod
    def _greeting(key: tuple[int, int], startup: dict[str, str]) -> bytes:
        parameters = PARAMETERS | {"session_authorization": startup.get("user", "")}
        if "application_name" in startup:
            parameters["application_name"] = startup["application_name"]
        found = messages.authentication(0)
        found += b"".join(messages.parameter(name, one) for name, one in parameters.items())
        return found + messages.key_data(*key) + messages.ready("I")
