"""The cloud's side of the programs on a machine: each call is served by a thread of its own."""

import asyncio
import contextlib
import json
import queue
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from labrunner.localcloud.hadoop.errors import CancelledError
from labrunner.localcloud.hadoop.guest.client import FRAME

MOST_HELLO = 1 << 20
CHUNK = 1 << 16
BROKEN = 1
SEND_SECONDS = 3600.0

Send = Callable[[bytes, bytes], None]


@dataclass
class Call:
    """A program that somebody started on a machine.

    `out`, `err` and `log` write to its standard output, its standard error, and where Hadoop's own
    log lines go. `read` returns input as it comes, nothing at its end. All raise CancelledError
    once the program on the machine is gone.
    """

    argv: Sequence[str]
    cwd: str = "/home/hadoop"
    env: Mapping[str, str] = field(default_factory=dict)
    has_terminal: bool = False
    send: Send = lambda _kind, _data: None
    input: "queue.SimpleQueue[bytes]" = field(default_factory=queue.SimpleQueue)
    cancelled: threading.Event = field(default_factory=threading.Event)
    _ends: list[Callable[[], None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def out(self, text: str | bytes) -> None:
        """Write to the standard output."""
        self._send(b"o", text)

    def err(self, text: str | bytes) -> None:
        """Write to the standard error."""
        self._send(b"e", text)

    def log(self, text: str) -> None:
        """Write to the log."""
        self._send(b"l", text)

    def read(self) -> bytes:
        """Return some input, nothing at its end."""
        self._send(b"i", b"")
        found = self.input.get()
        self.check()
        return found

    def check(self) -> None:
        """Raise CancelledError if it was cancelled."""
        if self.cancelled.is_set():
            raise CancelledError

    def on_cancel(self, end: Callable[[], None]) -> None:
        """Have something called when it is cancelled, at once if it was."""
        with self._lock:
            self._ends.append(end)
            late = self.cancelled.is_set()
        if late:
            with contextlib.suppress(Exception):
                end()

    def cancel(self) -> None:
        """End what it does."""
        with self._lock:
            if self.cancelled.is_set():
                return
            self.cancelled.set()
            ends = tuple(self._ends)
        self.input.put(b"")
        for end in ends:
            with contextlib.suppress(Exception):  # what it would end has just ended by itself
                end()

    def finish(self) -> None:
        """Take note that all is done: nothing is to be ended any more."""
        with self._lock:
            self._ends.clear()
            self.cancelled.set()

    def _send(self, kind: bytes, text: str | bytes) -> None:
        self.check()
        data = text.encode("utf-8", "replace") if isinstance(text, str) else text
        for start in range(0, len(data) or 1, CHUNK):
            self.send(kind, data[start : start + CHUNK])


Perform = Callable[[Call], int]


def server(
    perform: Perform,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Return what serves connections of clients, each by `perform` in a new thread."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError):
            await _serve(reader, writer, perform)
        with contextlib.suppress(OSError):
            writer.close()

    return serve


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, perform: Perform
) -> None:
    hello = json.loads(await reader.readuntil(b"\n"))
    loop = asyncio.get_running_loop()

    async def write(kind: bytes, data: bytes) -> None:
        writer.write(FRAME.pack(kind, len(data)) + data)
        await writer.drain()

    def send(kind: bytes, data: bytes) -> None:
        future = asyncio.run_coroutine_threadsafe(write(kind, data), loop)
        try:
            future.result(SEND_SECONDS)
        except (OSError, asyncio.CancelledError, TimeoutError):
            raise CancelledError from None

    call = Call(hello["argv"], hello["cwd"], hello["env"], hello["terminal"], send)
    done: asyncio.Future[int] = loop.create_future()
    thread = threading.Thread(target=_perform, args=(perform, call, loop, done), daemon=True)
    thread.start()
    listening = asyncio.create_task(_listen(reader, call))
    try:
        code = await done
        with contextlib.suppress(OSError):
            await write(b"x", str(code).encode())
    finally:
        call.finish()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


def _perform(
    perform: Perform, call: Call, loop: asyncio.AbstractEventLoop, done: "asyncio.Future[int]"
) -> None:
    code = BROKEN
    try:
        code = perform(call)
    except CancelledError:
        pass
    except Exception as error:  # noqa: BLE001 - the program says what broke
        with contextlib.suppress(CancelledError):
            call.err(f"{call.argv[0]}: {type(error).__name__}: {error}\n")

    def tell() -> None:
        if not done.done():
            done.set_result(code)

    with contextlib.suppress(RuntimeError):  # the cloud has ended
        loop.call_soon_threadsafe(tell)


async def _listen(reader: asyncio.StreamReader, call: Call) -> None:
    """Pass on input; the end of the connection cancels the call."""
    try:
        while True:
            _, length = FRAME.unpack(await reader.readexactly(FRAME.size))
            call.input.put(await reader.readexactly(int(length)))
    except (OSError, asyncio.IncompleteReadError):
        # What it does may want this loop, to kill processes: not in it.
        await asyncio.get_running_loop().run_in_executor(None, call.cancel)
