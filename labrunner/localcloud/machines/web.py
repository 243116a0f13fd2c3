"""A small HTTP server on a socket that listens inside a machine."""

import asyncio
import io
import socket
from collections.abc import Awaitable, Callable

from labrunner.localcloud.wire import (
    BadRequestError,
    HttpRequest,
    Response,
    encode_head,
    read_head,
)

MOST_HEAD = 65536
IDLE_SECONDS = 60.0

Respond = Callable[[HttpRequest], Awaitable[Response]]


async def serve(sock: socket.socket, respond: Respond) -> asyncio.Server:
    """Serve requests without bodies, as those of the metadata service are."""

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _exchange(reader, writer, respond):
                pass
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client went away, is silent, or speaks no HTTP
        finally:
            writer.close()

    return await asyncio.start_server(attend, sock=sock, limit=MOST_HEAD)


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, respond: Respond
) -> bool:
    async with asyncio.timeout(IDLE_SECONDS):
        text = await reader.readuntil(b"\r\n\r\n")
    try:
        head = read_head(io.BytesIO(text))
    except BadRequestError as error:
        refusal = Response(error.status, {"Content-Type": "text/plain"}, error.why.encode())
        writer.write(encode_head(refusal, is_head=False, keep_alive=False) + refusal.body)
        return False
    if head is None:
        return False
    length = head.headers.get("content-length") or "0"
    if int(length):
        await reader.readexactly(min(int(length), MOST_HEAD))
    response = await respond(HttpRequest(head.method, head.path, head.query, head.headers))
    is_head = head.method == "HEAD"
    writer.write(encode_head(response, is_head=is_head, keep_alive=head.keep_alive))
    if not is_head:
        writer.write(response.body)
    await writer.drain()
    return head.keep_alive
