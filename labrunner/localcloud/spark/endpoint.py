"""A loopback server by which Spark reaches the cloud's files: WebHDFS, behind an HTTP proxy.

Hadoop's client of WebHDFS takes the host of an address for a host of the network. As Spark's Java
sends all HTTP through a proxy, which is this server, it gets to know the bucket of every address,
and no name is ever looked up. OAuth 2, as that client speaks it, keeps other users of the host out.
"""

import contextlib
import hmac
import json
import secrets
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from labrunner.localcloud.hadoop.errors import ILLEGAL, HadoopError
from labrunner.localcloud.spark import webhdfs
from labrunner.localcloud.spark.files import CHUNK, Files, Status, storage_errors
from labrunner.localcloud.spark.webhdfs import PREFIX, Operation

# Addresses of HDFS have a port, those of buckets have none, for which the client puts its default.
HDFS_PORT = 8020
TOKEN_PATH = "/token"  # noqa: S105 - a path
TOKEN_SECONDS = 86400
MOST_FORM = 65536
MOST_LINE = 1024
IDLE_SECONDS = 600.0
REDIRECT, OK, CREATED = 307, 200, 201


class Endpoint:
    """Serves the files until it is closed, on a socket that listens.

    `secret` is what a client has to show; `port` is where it finds the server.
    """

    def __init__(self, files: Files, sock: socket.socket) -> None:
        self.secret = secrets.token_urlsafe(32)
        self.port = int(sock.getsockname()[1])
        self._server = _Server(files, self.secret, sock)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def listen() -> socket.socket:
    """Return a socket that listens at a free port of 127.0.0.1."""
    return socket.create_server(("127.0.0.1", 0), backlog=128)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, files: Files, secret: str, sock: socket.socket) -> None:
        super().__init__(("127.0.0.1", 0), _Connection, bind_and_activate=False)
        self.socket.close()
        self.socket = sock
        sock.setblocking(True)  # noqa: FBT003 - it takes no names
        self.files = files
        self.secret = secret
        self.token = secrets.token_urlsafe(32)

    def handle_error(self, *_: object) -> None:
        """Say nothing: a client that goes away is no error."""


class _Connection(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        if urlsplit(self.path).path == TOKEN_PATH:
            self._give_token()
        else:
            self._answer()

    # ---- who asks

    def _give_token(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_FORM:
            self._hang_up(413)
            return
        form = dict(parse_qsl(self.rfile.read(int(length)).decode("utf-8", "replace")))
        if not _same(form.get("client_secret", ""), self.server.secret):
            self._hang_up(401)
            return
        about = {"access_token": self.server.token, "expires_in": TOKEN_SECONDS}
        self._send(OK, {**about, "token_type": "bearer"})

    def _is_known(self) -> bool:
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        return kind.lower() == "bearer" and _same(token.strip(), self.server.token)

    # ---- operations

    def _answer(self) -> None:
        if not self._is_known():
            self._hang_up(401)
            return
        try:
            operation = self._operation()
            has_data = operation.flag("data")
            if operation.name == "OPEN" and has_data:
                self._send_file(operation)
            elif operation.name == "CREATE" and has_data:
                self._take_file(operation)
            elif operation.name in ("OPEN", "CREATE"):
                self._redirect(operation)
            else:
                self._send(OK, webhdfs.perform(self.server.files, operation))
        except HadoopError as error:
            if self.headers.get("Transfer-Encoding"):
                self.close_connection = True  # what is left of the body is not read
            self._send(*webhdfs.failure(error))

    def _operation(self) -> Operation:
        """Read the request; raises HadoopError."""
        target = urlsplit(self.path)
        host, _, port = (target.netloc or self.headers.get("Host", "")).partition(":")
        path = unquote(target.path)
        if not path.startswith(PREFIX):
            raise HadoopError(ILLEGAL, f"{target.path}: not a path of WebHDFS")
        scheme, place = ("hdfs", "") if port == str(HDFS_PORT) else ("s3", host)
        address = self.server.files.address(scheme, place, path.removeprefix(PREFIX))
        found = {name.lower(): value for name, value in parse_qsl(target.query)}
        return Operation(found.pop("op", "").upper(), address, found)

    def _redirect(self, operation: Operation) -> None:
        """Send the client to where data is sent, as a name node would to a data node."""
        if operation.name == "OPEN":
            self._file(operation)
        else:
            overwrite = operation.flag("overwrite")
            self.server.files.check_new(operation.address, overwrite=overwrite)
        self.send_response(REDIRECT)
        target = urlsplit(self.path)
        host = target.netloc or self.headers.get("Host", "")
        self.send_header("Location", f"http://{host}{target.path}?{target.query}&data=true")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _file(self, operation: Operation) -> Status:
        status = self.server.files.get(operation.address)
        if status.is_directory:
            kind = "java.io.FileNotFoundException"
            raise HadoopError(kind, f"Path is not a file: {operation.address}")
        return status

    def _send_file(self, operation: Operation) -> None:
        status = self._file(operation)
        offset = min(operation.number("offset", 0), status.size)
        left = min(operation.number("length", status.size), status.size - offset)
        with self.server.files.open(status, offset) as stream:
            self.send_response(OK)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(left))
            self.end_headers()
            try:
                while left:
                    with storage_errors():
                        data = stream.read(min(left, CHUNK))
                    if not data:
                        break
                    self.wfile.write(data)
                    left -= len(data)
            except (HadoopError, OSError):  # too late to say so: a short answer is an error
                pass
        self.close_connection = self.close_connection or left > 0

    def _take_file(self, operation: Operation) -> None:
        overwrite = operation.flag("overwrite")
        with self.server.files.create(operation.address, overwrite=overwrite) as out:
            for data in self._body():
                out.write(data)
        self._send(CREATED, None)

    def _body(self) -> Iterator[bytes]:
        """Yield what a request brings; raises ConnectionError where it breaks off."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := self._chunk_size():
                yield from _exactly(self.rfile, size)
                self.rfile.readline(MOST_LINE)
            while self.rfile.readline(MOST_LINE).strip():
                pass
            return
        length = self.headers.get("Content-Length", "0")
        yield from _exactly(self.rfile, int(length) if length.isdecimal() else 0)

    def _chunk_size(self) -> int:
        line = self.rfile.readline(MOST_LINE).partition(b";")[0].strip()
        try:
            return int(line, 16)
        except ValueError:
            raise ConnectionResetError from None

    # ---- answers

    def _send(self, status: int, answer: webhdfs.Answer) -> None:
        body = b"" if answer is None else json.dumps(answer).encode()
        # Without a Content-Type: to read one, Hadoop's client needs a library that is not with it.
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _hang_up(self, status: int) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self._send(status, None)


def _exactly(stream: BufferedIOBase, size: int) -> Iterator[bytes]:
    while size:
        data = stream.read(min(size, CHUNK))
        if not data:
            raise ConnectionResetError
        yield data
        size -= len(data)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
