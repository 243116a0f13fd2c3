"""The HTTP server of the local cloud: loopback only, a thread a connection, kept alive."""

import contextlib
import hmac
import importlib.util
import json
import logging
import os
import re
import socket
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from labrunner.localcloud.listener import Listener
from labrunner.localcloud.wire import (
    BadRequestError,
    HttpRequest,
    Response,
    encode_head,
    read_body,
    read_head,
)

if TYPE_CHECKING:
    from labrunner.localcloud.app import App

CONTROL = "/_labrunner/"
# As https://checkip.amazonaws.com: tells anybody the address that the call comes from.
CHECK_IP = "/_labrunner/checkip"
LOG = "server.log"
IDLE_SECONDS = 300.0  # after which a silent connection is closed
SMALL_BODY = 65536
# A page of another site can make a browser call us under its own name; only our names pass.
HOST = re.compile(
    r"(?:[a-z0-9._-]+\.)?localhost|(?:\d{12}\.)?127\.0\.0\.1|\[::1\]", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True)
class Settings:
    """What a local cloud is: its root credentials, home region, account and directory."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str
    account: str
    cloud_id: str
    directory: Path


class Server:
    """The server of one cloud, bound to 127.0.0.1 when made; raises OSError if it cannot be."""

    def __init__(
        self,
        settings: Settings,
        *,
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        for package in ("moto", "botocore"):
            if importlib.util.find_spec(package) is None:
                raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        self.settings = settings
        self._now = now
        self._activity = _Activity(clock)
        self._log = _open_log(settings.directory)
        self._app: App | None = None
        self._app_lock = threading.Lock()
        self._is_warm = threading.Event()
        self._listener = Listener(port, self._connection)

    @property
    def port(self) -> int:
        """The port that was bound."""
        return self._listener.port

    @property
    def idle_seconds(self) -> float:
        """Seconds since the last AWS call ended; 0 while one is under way."""
        return self._activity.idle_seconds

    @property
    def is_empty(self) -> bool:
        """Whether no resource lives in the cloud."""
        return self._app is None or self._app.is_empty

    def serve_forever(self) -> None:
        """Answer calls until `shutdown` is called."""
        threading.Thread(target=self._warm_up, daemon=True).start()
        try:
            self._listener.run()
        finally:
            if self._app is not None:
                self._app.close()
            _close_log(self._log)

    def shutdown(self) -> None:
        """Make `serve_forever` return soon; safe in any thread and in a signal handler."""
        self._listener.stop()

    def _warm_up(self) -> None:
        try:
            with contextlib.suppress(Exception):  # the first call will meet it and say so
                self._load().warm_up()
        finally:
            self._is_warm.set()

    def _load(self) -> "App":
        with self._app_lock:
            if self._app is None:
                from labrunner.localcloud.app import App  # the port is open long before

                self._app = App(self.settings, self._log, self._now, self.port)
            return self._app

    def _connection(self, connection: socket.socket, address: str) -> None:
        """Serve one connection until either side closes it."""
        connection.settimeout(IDLE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with connection.makefile("rb") as stream:
                while self._exchange(connection, stream, address):
                    pass
        except OSError:
            pass  # the client went away, or we are shutting down
        except Exception:  # noqa: BLE001 - the thread must not end with a traceback on stderr
            self._log.error("connection: %s", traceback.format_exc())

    def _exchange(self, connection: socket.socket, stream: BinaryIO, address: str) -> bool:
        try:
            head = read_head(stream)
            if head is None:
                return False
            if head.headers.get("expect").lower() == "100-continue":
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = read_body(stream, head.headers)
        except BadRequestError as error:
            refusal = Response(error.status, {"Content-Type": "text/plain"}, error.why.encode())
            connection.sendall(encode_head(refusal, is_head=False, keep_alive=False) + refusal.body)
            return False
        request = HttpRequest(head.method, head.path, head.query, head.headers, body, address)
        response = self._respond(request)
        _send(connection, response, is_head=head.method == "HEAD", keep_alive=head.keep_alive)
        return head.keep_alive

    def _respond(self, request: HttpRequest) -> Response:
        host = request.headers.get("host")
        if not HOST.fullmatch(re.sub(r":\d+$", "", host)):
            return _text(403, f"The local cloud does not answer to the name {host!r}.")
        if request.path == CHECK_IP:
            return _text(200, f"{request.source_ip}\n")
        if request.path.startswith(CONTROL):
            return self._control(request)
        with self._activity:
            self._is_warm.wait()
            return self._load().respond(request)

    def _control(self, request: HttpRequest) -> Response:
        expected = f"Bearer {self.settings.secret_key}".encode()
        given = request.headers.get("authorization").encode("utf-8")
        if not hmac.compare_digest(given, expected):
            return _text(403, "The secret key of this cloud is needed.")
        match request.method, request.path.removeprefix(CONTROL):
            case "GET", "status":
                status = {
                    "cloud_id": self.settings.cloud_id,
                    "idle_seconds": self.idle_seconds,
                    "empty": self.is_empty,
                }
                return _json(200, status)
            case "POST", "shutdown":
                self.shutdown()
                return _json(202, {"cloud_id": self.settings.cloud_id})
        return _text(404, "There is no such control call.")


def _send(
    connection: socket.socket, response: Response, *, is_head: bool, keep_alive: bool
) -> None:
    head = encode_head(response, is_head=is_head, keep_alive=keep_alive)
    body = b"" if is_head else response.body
    if len(body) <= SMALL_BODY:  # one packet, one system call
        connection.sendall(head + body)
    else:
        connection.sendall(head)
        connection.sendall(body)


def _text(status: int, text: str) -> Response:
    return Response(status, {"Content-Type": "text/plain; charset=utf-8"}, text.encode())


def _json(status: int, value: object) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(value).encode())


class _Activity:
    """Counts the calls under way, and remembers when the last one ended."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calls = 0
        self._ended = clock()

    def __enter__(self) -> None:
        with self._lock:
            self._calls += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._calls -= 1
            self._ended = self._clock()

    @property
    def idle_seconds(self) -> float:
        with self._lock:
            return 0.0 if self._calls else self._clock() - self._ended


def _open_log(directory: Path) -> logging.Logger:
    path = directory / LOG
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600))
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.Logger("labrunner.localcloud", logging.INFO)  # noqa: LOG001 - one a server
    log.addHandler(handler)
    return log


def _close_log(log: logging.Logger) -> None:
    for handler in tuple(log.handlers):
        log.removeHandler(handler)
        handler.close()
