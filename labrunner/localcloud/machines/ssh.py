"""The SSH server of a machine: public keys only, one user, and what that user may do there."""

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import struct
import termios
from collections.abc import Mapping
from typing import TYPE_CHECKING

import asyncssh

from labrunner.localcloud.machines import pipes
from labrunner.localcloud.machines.box import Box, Running, Terminal, loopback_only
from labrunner.localcloud.machines.forward import Forward
from labrunner.localcloud.machines.sftp import SFTPServer

if TYPE_CHECKING:
    from asyncssh import SSHServerConnection

KEYS = ".ssh/authorized_keys"
MOST_KEY_BYTES = 65536
LOGIN_SECONDS = 60
CHUNK = 65536
# OpenSSH's servers take these from the client, and no others.
ACCEPTED = ("LANG", "LC_", "COLORTERM")
NOT_FOUND = 127


class SSHServer:
    """Serves SSH connections to one machine."""

    def __init__(self, box: Box, host_key: asyncssh.SSHKey) -> None:
        self._box = box
        self._host_key = host_key
        self._options: asyncssh.SSHServerConnectionOptions | None = None
        self._connections: set[SSHServerConnection] = set()

    async def serve(self, sock: socket.socket) -> None:
        """Serve a connection until it ends, or until it fails to prove who it is."""
        if self._options is None:
            self._options = await self._make_options()
        sock.setblocking(False)  # noqa: FBT003 - it takes no names
        try:
            connection = await asyncssh.run_server(sock, options=self._options)
        except (OSError, asyncssh.Error, TimeoutError):
            sock.close()
            return
        self._connections.add(connection)
        try:
            await connection.wait_closed()
        except asyncio.CancelledError:
            connection.abort()
            raise
        finally:
            self._connections.discard(connection)

    async def _make_options(self) -> asyncssh.SSHServerConnectionOptions:
        user = self._box.spec.login.name

        def login(chan: "asyncssh.SSHServerChannel[bytes]") -> SFTPServer:
            return SFTPServer(chan, self._box, user)

        options: asyncssh.SSHServerConnectionOptions
        options = await asyncssh.SSHServerConnectionOptions.construct(
            config=None,
            server_factory=lambda: _Login(self._box),
            server_host_keys=[self._host_key],
            process_factory=lambda process: Session(self._box, process).run(),
            sftp_factory=login,
            encoding=None,
            line_editor=False,
            agent_forwarding=False,
            x11_forwarding=False,
            allow_scp=False,  # `scp -O` then runs the machine's own program, as everywhere
            password_auth=False,
            kbdint_auth=False,
            gss_host=None,
            login_timeout=LOGIN_SECONDS,
        )
        return options


class _Login(asyncssh.SSHServer):
    """Who may log in: the machine's user, by a key of its `authorized_keys`."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._connection: SSHServerConnection | None = None

    def connection_made(self, conn: "SSHServerConnection") -> None:
        self._connection = conn

    async def begin_auth(self, username: str) -> bool:
        assert self._connection is not None
        if username == self._box.spec.login.name:
            with contextlib.suppress(OSError, ValueError):
                text = await self._authorized_keys(username)
                self._connection.set_authorized_keys(asyncssh.import_authorized_keys(text))
        return True

    async def _authorized_keys(self, username: str) -> str:
        files = await self._box.files(username)
        try:
            return (await files.read(KEYS, MOST_KEY_BYTES)).decode("utf-8", "replace")
        finally:
            files.close()

    def public_key_auth_supported(self) -> bool:
        return True

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> "asyncssh.server._NewTCPSession":
        del orig_host, orig_port
        return self._forward(dest_host, dest_port)

    async def _forward(self, host: str, port: int) -> asyncssh.SSHTCPSession[bytes]:
        """Connect inside the machine, where nothing but the machine is."""
        if not self._box.is_isolated and not loopback_only(host):
            why = "only addresses of the machine"
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, why)
        own = {"localhost", self._box.spec.hostname, self._box.spec.hostname.partition(".")[0]}
        try:
            sock = await self._box.connect("127.0.0.1" if host in own else host, port)
        except OSError as error:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, str(error)) from None
        return Forward(*await asyncio.open_connection(sock=sock))


class Session:
    """A shell or a command of one login, with a terminal or on three pipes."""

    def __init__(self, box: Box, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        self._box = box
        self._process = process
        self._running: Running | None = None

    async def run(self) -> None:
        """Run it to its end, and tell the client how it ended."""
        command = self._process.command
        if self._process.subsystem is not None:
            self._process.exit(NOT_FOUND)
            return
        try:
            if self._process.term_type is not None:
                await self._with_terminal(command)
            else:
                await self._with_pipes(command)
        except (OSError, KeyError) as error:
            with contextlib.suppress(OSError):
                self._process.stderr.write(f"{error}\r\n".encode())
            self._process.exit(NOT_FOUND)

    def _argv(self, command: str | None) -> list[str]:
        shell = self._box.environment(self._box.spec.login)["SHELL"]
        return [shell, "-l"] if command is None else [shell, "-c", command]

    def _environment(self) -> dict[str, str]:
        given: Mapping[str, str] = self._process.env
        env = {name: value for name, value in given.items() if name.startswith(ACCEPTED)}
        peer = self._process.get_extra_info("peername")
        own = self._process.get_extra_info("sockname")
        if peer and own:
            env["SSH_CLIENT"] = f"{peer[0]} {peer[1]} {own[1]}"
            env["SSH_CONNECTION"] = f"{peer[0]} {peer[1]} {self._box.spec.private_ip} 22"
        return env

    async def _with_pipes(self, command: str | None) -> None:
        inner, outer = [], []
        for is_input in (True, False, False):
            read, write = os.pipe()
            inner.append(read if is_input else write)
            outer.append(write if is_input else read)
        try:
            self._running = await self._start(command, inner, None)
        except BaseException:
            for one in outer:
                os.close(one)
            raise
        finally:
            for one in inner:
                os.close(one)
        outputs = [
            asyncio.create_task(self._copy(outer[1], self._process.stdout)),
            asyncio.create_task(self._copy(outer[2], self._process.stderr)),
        ]
        await self._attend(outer[0], outputs, terminal=None)

    async def _with_terminal(self, command: str | None) -> None:
        env = {"TERM": self._process.term_type or "dumb"}
        modes = {int(code): int(value) for code, value in self._process.term_modes.items()}
        terminal = Terminal(self._process.term_size, modes)
        self._running = await self._start(command, (), terminal, env)
        master = self._running.terminal
        assert master is not None
        output = asyncio.create_task(self._copy(os.dup(master), self._process.stdout))
        await self._attend(master, [output], terminal=master)

    async def _start(
        self,
        command: str | None,
        files: "list[int] | tuple[()]",
        terminal: Terminal | None,
        env: Mapping[str, str] | None = None,
    ) -> Running:
        return await self._box.start(
            self._argv(command),
            user=self._box.spec.login.name,
            env={**self._environment(), **(env or {})},
            files=files,
            terminal=terminal,
        )

    async def _attend(
        self, file: int, outputs: list[asyncio.Task[None]], terminal: int | None
    ) -> None:
        """Pass on input until the command has ended and all it wrote has been sent."""
        assert self._running is not None
        feeding = asyncio.create_task(self._feed(file, terminal))
        gone = asyncio.create_task(self._process.channel.wait_closed())
        ended = asyncio.create_task(self._running.wait())
        try:
            await asyncio.wait({ended, gone}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done() and not gone.done():
                # What was started in the background may hold the pipes open: sshd waits, too.
                await self._drain(outputs, gone)
                self._report(ended.result())
        except ConnectionError:  # the machine went down
            self._process.channel.abort()
        finally:
            for one in (feeding, gone, ended, *outputs):
                one.cancel()
            await asyncio.gather(feeding, gone, ended, *outputs, return_exceptions=True)

    async def _drain(self, outputs: list[asyncio.Task[None]], gone: asyncio.Task[None]) -> None:
        waiting: set[asyncio.Task[None]] = set(outputs)
        while waiting and not gone.done():
            _, waiting = await asyncio.wait({*waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
            waiting.discard(gone)

    def _report(self, code: int) -> None:
        if code >= 0:
            self._process.exit(code)
        else:
            name = signal.Signals(-code).name.removeprefix("SIG")
            self._process.exit_with_signal(name)

    async def _feed(self, file: int, terminal: int | None) -> None:
        pipe = await pipes.open_writer(file)
        try:
            while not pipe.is_lost:
                try:
                    data = await self._process.stdin.read(CHUNK)
                except asyncssh.TerminalSizeChanged as change:
                    if terminal is not None:
                        _resize(terminal, change.term_size)
                    continue
                except asyncssh.SignalReceived as received:
                    await self._signal(received.signal)
                    continue
                except asyncssh.BreakReceived:
                    continue
                if not data:
                    break
                await pipe.write(data)
            if terminal is not None:
                await asyncio.Event().wait()  # the terminal stays until the session ends
        except OSError:
            pass
        finally:
            pipe.close()

    async def _signal(self, name: str) -> None:
        number = signal.Signals.__members__.get(f"SIG{name}")
        if number is not None and self._running is not None:
            await self._running.kill(number)

    async def _copy(self, file: int, writer: "asyncssh.SSHWriter[bytes]") -> None:
        async def pass_on(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        with contextlib.suppress(OSError):  # the client is gone
            await pipes.read_all(file, pass_on)


def _resize(terminal: int, size: tuple[int, int, int, int]) -> None:
    columns, rows, width, height = (min(max(one, 0), 0xFFFF) for one in size)
    packed = struct.pack("HHHH", rows, columns, width, height)
    with contextlib.suppress(OSError):
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, packed)
