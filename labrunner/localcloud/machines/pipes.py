"""Pipes and terminals of commands, in the event loop."""

import asyncio
import contextlib
import inspect
import os
from collections.abc import Awaitable, Callable

CHUNK = 65536

Take = Callable[[bytes], Awaitable[None] | None]


async def read_all(file: int, take: Take) -> None:
    """Hand over all that comes from a pipe or a terminal, until its end; closes it."""
    reader = asyncio.StreamReader()
    stream = os.fdopen(file, "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), stream
    )
    try:
        while data := await _read(reader):
            taken = take(data)
            if inspect.isawaitable(taken):
                await taken
    finally:
        transport.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(CHUNK)
    except OSError:  # the way a terminal ends
        return b""


class Writer(asyncio.BaseProtocol):
    """Writes to a pipe or a terminal, no faster than its reader reads."""

    def __init__(self) -> None:
        self.is_lost = False
        self._transport: asyncio.WriteTransport | None = None
        self._room = asyncio.Event()
        self._room.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.is_lost = True
        self._room.set()

    async def write(self, data: bytes) -> None:
        """Write, and wait until there is room for more; what nobody reads is dropped."""
        assert self._transport is not None
        if not self.is_lost:
            self._transport.write(data)
            await self._room.wait()

    def close(self) -> None:
        """Close it when all is written."""
        if self._transport is not None:
            with contextlib.suppress(OSError):
                self._transport.close()


async def open_writer(file: int) -> Writer:
    """Return a writer of a pipe or a terminal, which closes it."""
    stream = os.fdopen(file, "wb", buffering=0)
    _, writer = await asyncio.get_running_loop().connect_write_pipe(Writer, stream)
    return writer
