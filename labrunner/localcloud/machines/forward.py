"""A port that an SSH client forwards into a machine."""

import asyncio
import contextlib

import asyncssh

from labrunner.localcloud.machines.pipes import CHUNK

MOST_UNSENT = 1024 * 1024


class Forward(asyncssh.SSHTCPSession[bytes]):
    """A channel at one end, a connection in the machine at the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._chan: asyncssh.SSHTCPChannel[bytes] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._draining: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._room.set()

    def connection_made(self, chan: "asyncssh.SSHTCPChannel[bytes]") -> None:
        self._chan = chan

    def session_started(self) -> None:
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._chan is not None
        with contextlib.suppress(OSError):
            while data := await self._reader.read(CHUNK):
                await self._room.wait()
                self._chan.write(data)
        with contextlib.suppress(OSError):
            self._chan.write_eof()

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        del datatype
        assert self._chan is not None
        self._writer.write(data)
        if self._draining is None and self._unsent() > MOST_UNSENT:
            self._chan.pause_reading()
            self._draining = asyncio.create_task(self._drain())

    def _unsent(self) -> int:
        return self._writer.transport.get_write_buffer_size()

    async def _drain(self) -> None:
        assert self._chan is not None
        with contextlib.suppress(OSError):
            await self._writer.drain()
        self._draining = None
        self._chan.resume_reading()

    def eof_received(self) -> bool:
        with contextlib.suppress(OSError):
            self._writer.write_eof()
        return True

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        for task in (self._reading, self._draining):
            if task is not None:
                task.cancel()
        self._writer.close()
