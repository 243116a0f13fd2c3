"""A loopback socket that hands each connection to a thread of its own."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable

BACKLOG = 128


class Listener:
    """Listens on 127.0.0.1 from the moment it is made; raises OSError if the port is taken."""

    def __init__(self, port: int, serve: Callable[[socket.socket, str], None]) -> None:
        self._serve = serve
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
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
        with self._lock:
            self._connections.add(connection)
        threading.Thread(target=self._handle, args=(connection, address), daemon=True).start()

    def _handle(self, connection: socket.socket, address: str) -> None:
        try:
            self._serve(connection, address)
        finally:
            with self._lock:
                self._connections.discard(connection)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            connection.close()

    def _close(self) -> None:
        for one in (self._socket, self._wake, self._waker):
            one.close()
        with self._lock:
            for connection in self._connections:  # kept-alive ones would be served for ever
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
