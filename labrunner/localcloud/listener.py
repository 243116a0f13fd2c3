"""A loopback socket that hands each connection to a thread of its own."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable

BACKLOG = 128
DRAIN_SECONDS = 2.0


class Listener:
    """Listens on 127.0.0.1 from the moment it is made; raises OSError if the port is taken."""

    def __init__(self, port: int, serve: Callable[[socket.socket, str], None]) -> None:
        self._serve = serve
        self._connections: set[socket.socket] = set()
        self._none_left = threading.Condition()
        self._stopping = False
        self._socket = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
        self._socket.settimeout(0)
        self._wake, self._waker = socket.socketpair()
        self._waker.settimeout(0)
        self.port = int(self._socket.getsockname()[1])

    def run(self) -> None:
        """Accept connections until `stop` is called, then close all that are open."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while not self._stopping:
                selector.select()
                self._accept()
        self._close()

    def stop(self) -> None:
        """Make `run` return soon; safe in any thread and in a signal handler."""
        self._stopping = True
        with contextlib.suppress(OSError):  # the pipe is full, or all is closed already
            self._waker.send(b"!")

    def _accept(self) -> None:
        try:
            connection, (address, _) = self._socket.accept()
        except OSError:  # the client left before we came, or there are no descriptors left
            return
        with self._none_left:
            self._connections.add(connection)
        threading.Thread(target=self._handle, args=(connection, address), daemon=True).start()

    def _handle(self, connection: socket.socket, address: str) -> None:
        try:
            self._serve(connection, address)
        finally:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            connection.close()
            with self._none_left:
                self._connections.discard(connection)
                self._none_left.notify_all()

    def _close(self) -> None:
        for one in (self._socket, self._wake, self._waker):
            one.close()
        # Calls under way get their answers; those who only kept a connection open are let go.
        self._hang_up(socket.SHUT_RD)
        with self._none_left:
            self._none_left.wait_for(lambda: not self._connections, DRAIN_SECONDS)
        self._hang_up(socket.SHUT_RDWR)

    def _hang_up(self, how: int) -> None:
        with self._none_left:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(how)
