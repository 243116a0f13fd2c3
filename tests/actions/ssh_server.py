"""A real SSH server on loopback that runs real commands, in a thread of the test."""

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncssh

USER = "learner"
ED25519 = asyncssh.generate_private_key("ssh-ed25519")
ECDSA = asyncssh.generate_private_key("ecdsa-sha2-nistp256")


def public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip()


@dataclass
class SshServer:
    """Lets USER in with one public key; `DROP` as the command breaks the connection off."""

    authorized: str
    host_keys: tuple[asyncssh.SSHKey, ...] = (ED25519,)
    port: int = 0
    commands: list[str | None] = field(default_factory=list)

    async def run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        self.commands.append(process.command)
        if process.command == "DROP":
            process.stdout.write(b"half a line")
            await process.stdout.drain()
            process.channel.get_connection().abort()
        elif process.term_type:
            await _talk(process)
        else:
            await _execute(process)


async def _execute(process: asyncssh.SSHServerProcess[bytes]) -> None:
    pipe = asyncio.subprocess.PIPE
    words = ("sh", "-c", process.command) if process.command else ("sh",)
    child = await asyncio.create_subprocess_exec(
        *words, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    assert child.stdin
    assert child.stdout
    assert child.stderr
    feeding = asyncio.create_task(_copy(process.stdin, child.stdin))
    try:
        await asyncio.gather(
            _copy(child.stdout, process.stdout), _copy(child.stderr, process.stderr)
        )
        status = await child.wait()
    finally:
        feeding.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await asyncio.gather(child.stdout.read(), child.stderr.read(), child.wait())
    if status < 0:
        process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
    else:
        process.exit(status)


async def _copy(source: Any, sink: Any) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(2**16):
            sink.write(data)
            await sink.drain()
    if isinstance(sink, asyncio.StreamWriter):
        sink.close()


async def _talk(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Answer on a terminal: what was typed, each new size, and `exit N`."""
    columns, lines, *_ = process.term_size
    process.stdout.write(f"{process.term_type} {columns}x{lines}\r\n".encode())
    heard = b""
    while True:
        try:
            new = await process.stdin.read(1024)
        except asyncssh.TerminalSizeChanged as change:
            process.stdout.write(f"now {change.width}x{change.height}\r\n".encode())
            continue
        if not new:
            return
        heard += new
        while b"\r" in heard:
            line, _, heard = heard.partition(b"\r")
            process.stdout.write(b"heard " + repr(line).encode() + b"\r\n")
            if line.startswith(b"exit "):
                process.exit(int(line.split()[1]))
                return


@contextlib.contextmanager
def serving(server: SshServer) -> Iterator[SshServer]:
    """Serve until the block ends; sets `port` when it is 0."""
    with _loop() as loop:

        def wait(coroutine: Coroutine[Any, Any, Any]) -> Any:
            return asyncio.run_coroutine_threadsafe(coroutine, loop).result(20)

        acceptor = wait(_listen(server))
        server.port = acceptor.get_port()
        try:
            yield server
        finally:
            wait(_end(acceptor))


async def _listen(server: SshServer) -> asyncssh.SSHAcceptor:
    keys = asyncssh.import_authorized_keys(server.authorized)

    class OneUser(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            self.known = username == USER
            return True

        def public_key_auth_supported(self) -> bool:
            return True

        async def validate_public_key(self, _username: str, key: asyncssh.SSHKey) -> bool:
            return self.known and keys.validate(key, "", "", None) is not None

    return await asyncssh.listen(
        "127.0.0.1",
        server.port,
        server_factory=OneUser,
        server_host_keys=list(server.host_keys),
        process_factory=server.run,
        encoding=None,
        line_editor=False,
        reuse_address=True,
        gss_host=None,
    )


async def _end(acceptor: asyncssh.SSHAcceptor) -> None:
    acceptor.close()
    await acceptor.wait_closed()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextlib.contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
