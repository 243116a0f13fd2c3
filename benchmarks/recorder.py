"""A proxy on loopback that passes HTTP requests on and remembers them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True, order=True)
class Call:
    """What a request asked for and how it ended; the bucket's own name is left out."""

    method: str
    key: str
    query: tuple[str, ...]
    storage_class: str
    bytes: int
    signed: bool
    status: int

    def __str__(self) -> str:
        asked = f"{self.method} /{self.key}{'?' * bool(self.query)}{'&'.join(self.query)}"
        return f"{asked} {self.storage_class} signed={self.signed} → {self.status}"


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.upstream = port
        self.calls: list[Call] = []


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Proxy

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Stay silent: a request that is passed on is no news."""

    def _pass_on(self) -> None:
        if self.headers.get("Transfer-Encoding"):
            self.send_error(411)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        upstream = HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        try:
            # The signature covers the Host header, so it stays the one that the client sent.
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "expect"):
                    upstream.putheader(name, value)
            upstream.endheaders(body)
            response = upstream.getresponse()
            answer = response.read()
        finally:
            upstream.close()
        self.server.calls.append(self._call(len(body), response.status))
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", response.getheader("Content-Length", str(len(answer))))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815 - what the base calls

    def _call(self, size: int, status: int) -> Call:
        parts = urlsplit(self.path)
        names = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
        key = parts.path.lstrip("/").partition("/")[2]
        return Call(
            method=self.command,
            key=key,
            # Only how a listing spells its keys.
            query=tuple(sorted(names - {"encoding-type"})),
            storage_class=self.headers.get("x-amz-storage-class", ""),
            # Documents in XML and JSON may be laid out differently and say the same.
            bytes=size if key else 0,
            signed="Authorization" in self.headers,
            status=status,
        )


@contextmanager
def recording(port: int) -> Iterator[tuple[int, list[Call]]]:
    """Pass requests on to this port of 127.0.0.1; give the port to use, and the calls so far."""
    proxy = _Proxy(port)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy.server_port, proxy.calls
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
