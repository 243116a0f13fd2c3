"""The cloud's side of the socket to a machine's first process."""

import asyncio
import contextlib
import itertools
import json
import os
import socket
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labrunner.localcloud.machines.guest import wire

CHUNK = 65536
Reply = tuple[Mapping[str, Any], list[int]]


class MachineGoneError(ConnectionError):
    """The machine went down before it answered."""


class Channel:
    """Calls to the program at the other end, which answers each with values and open files."""

    def __init__(
        self, sock: socket.socket, on_event: Callable[[Mapping[str, Any]], None] | None = None
    ) -> None:
        self._sock = sock
        self._on_event = on_event or (lambda _: None)
        self._numbers = itertools.count()
        self._calls: dict[int, asyncio.Future[Reply]] = {}
        self._exits: defaultdict[int, asyncio.Future[int]] = defaultdict(asyncio.Future)
        self._data = bytearray()
        self._files: deque[int] = deque()
        self._write = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        sock.setblocking(False)  # noqa: FBT003 - it takes no names
        self._loop.add_reader(sock.fileno(), self._read)

    async def call(self, op: str, files: Sequence[int] = (), **values: Any) -> Reply:
        """Return the answer; raises OSError as the operating system there did."""
        if self.closed.done():
            raise MachineGoneError
        number = next(self._numbers)
        answer: asyncio.Future[Reply] = self._loop.create_future()
        self._calls[number] = answer
        try:
            await self._send({"id": number, "op": op, **values}, files)
            reply, found = await answer
        finally:
            self._calls.pop(number, None)
        if "errno" in reply:
            raise OSError(reply["errno"], reply["error"])
        return reply, found

    async def exit_of(self, pid: int) -> int:
        """Wait for the end of a started process: its exit status, or minus the signal."""
        try:
            return await self._exits[pid]
        finally:
            self._exits.pop(pid, None)

    def close(self) -> None:
        """Hang up; a machine whose cloud is gone ends."""
        if self.closed.done():
            return
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()
        for file in self._files:
            os.close(file)
        self.closed.set_result(None)
        waits: list[asyncio.Future[Any]] = [*self._calls.values(), *self._exits.values()]
        for waiting in waits:
            if not waiting.done():
                waiting.set_exception(MachineGoneError())
                waiting.exception()  # nobody may be waiting any more

    async def _send(self, message: Mapping[str, Any], files: Sequence[int]) -> None:
        async with self._write:
            data = memoryview(wire.encode(message, files))
            while data:
                try:
                    sent = (
                        socket.send_fds(self._sock, [data], list(files))
                        if files
                        else self._sock.send(data)
                    )
                except BlockingIOError:
                    await self._writable()
                    continue
                except OSError:
                    raise MachineGoneError from None
                data, files = data[sent:], ()

    async def _writable(self) -> None:
        ready = asyncio.Event()
        self._loop.add_writer(self._sock.fileno(), ready.set)
        try:
            await ready.wait()
        finally:
            with contextlib.suppress(OSError, ValueError):
                self._loop.remove_writer(self._sock.fileno())

    def _read(self) -> None:
        try:
            data, files, _, _ = socket.recv_fds(self._sock, CHUNK, wire.MOST_FILES)
        except BlockingIOError:
            return
        except OSError:
            data, files = b"", []
        for file in files:
            os.set_inheritable(file, False)  # noqa: FBT003 - it takes no names
        self._files.extend(files)
        self._data += data
        if not data:
            self.close()
            return
        while (length := self._whole_message()) is not None:
            self._take(length)

    def _whole_message(self) -> int | None:
        if len(self._data) < wire.HEADER.size:
            return None
        length, _ = wire.HEADER.unpack_from(self._data)
        whole = len(self._data) >= wire.HEADER.size + int(length)
        return int(length) if whole else None

    def _take(self, length: int) -> None:
        start = wire.HEADER.size
        _, count = wire.HEADER.unpack_from(self._data)
        message = json.loads(self._data[start : start + length])
        del self._data[: start + length]
        files = [self._files.popleft() for _ in range(count)]
        if message.get("event") == "exit":
            self._ended(message["pid"], int(message["code"]))
        elif "event" in message:
            self._on_event(message)
        else:
            self._answer(message, files)

    def _ended(self, pid: int, code: int) -> None:
        if self._exits[pid].done():  # of an earlier process of this number, that nobody awaited
            del self._exits[pid]
        self._exits[pid].set_result(code)

    def _answer(self, message: Mapping[str, Any], files: list[int]) -> None:
        waiting = self._calls.get(message.get("id", -1))
        if waiting is not None and not waiting.done():
            waiting.set_result((message, files))
            return
        for file in files:  # whoever asked was cancelled
            os.close(file)
