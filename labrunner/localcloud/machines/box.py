"""A booted machine: its first process, and what the cloud asks of it. All in the event loop."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner.localcloud.machines import rootfs, sandbox
from labrunner.localcloud.machines.channel import Channel
from labrunner.localcloud.machines.files import Files
from labrunner.localcloud.machines.isolation import Isolation
from labrunner.localcloud.machines.spec import ROOT, MachineSpec, User
from labrunner.localcloud.process import CHILDREN

if TYPE_CHECKING:
    import subprocess

METADATA = "169.254.169.254"
BOOT_SECONDS = 20.0
END_SECONDS = 5.0
LOG = "boot.log"
LOG_BYTES = 4000

Spawn = Callable[..., "subprocess.Popen[bytes]"]


class BootError(Exception):
    """The machine did not boot, and why."""


@dataclass(frozen=True)
class Terminal:
    """A terminal to give a command: columns, rows and both in pixels, and RFC 4254's modes."""

    size: tuple[int, int, int, int]
    modes: Mapping[int, int]


@dataclass(frozen=True)
class Running:
    """A command that was started; `terminal` is the master side of its terminal, the caller's."""

    pid: int
    channel: Channel
    terminal: int | None

    async def wait(self) -> int:
        """Return its exit status, or minus the signal that ended it."""
        return await self.channel.exit_of(self.pid)

    async def kill(self, number: int) -> None:
        """Send a signal to it and its children, unless they have ended."""
        with contextlib.suppress(OSError):
            await self.channel.call("kill", pid=self.pid, number=number)


class Box:
    """The sandbox of one machine, from its boot to its end."""

    def __init__(
        self,
        spec: MachineSpec,
        directory: Path,
        isolation: Isolation,
        spawn: Spawn | None = None,
    ) -> None:
        self.spec = spec
        self.is_isolated = isolation.bwrap is not None
        self.extra_environment: dict[str, str] = {}  # of its commands, known only after the boot
        self._directory = directory
        self._isolation = isolation
        # Without a sandbox, the first process must outlive the cloud for as long as it takes to
        # end the others, so the cloud's watchdog must not know it.
        self._spawn = spawn or (CHILDREN.spawn if self.is_isolated else _spawn_alone)
        self._python = rootfs.find_python()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None

    @property
    def root(self) -> Path:
        """Where the machine's `/` is on the host; never look up names that a machine can change."""
        return self._directory / rootfs.ROOT

    async def boot(self, on_event: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        """Start the first process, and wait until it serves; raises BootError.

        `on_event` gets what programs of the machine ask of its power.
        """
        self._prepare()
        own, other = socket.socketpair()
        # By this thread, which lives as long as the cloud: the sandbox dies with who started it.
        try:
            with other, (self._directory / LOG).open("wb") as log:
                made = sandbox.command(
                    self._isolation, self.spec, self._directory, self._python, other.fileno()
                )
                self._process = self._spawn(
                    made.argv,
                    env=made.env,
                    stdin=-3,  # subprocess.DEVNULL
                    stdout=log,
                    stderr=log,
                    cwd="/" if self.is_isolated else self._directory,
                    pass_fds=[other.fileno()],
                )
        except OSError as error:
            own.close()
            raise BootError(str(error)) from error
        self._channel = Channel(own, on_event)
        try:
            async with asyncio.timeout(BOOT_SECONDS):
                await self._channel.call("setup", **self._setup())
        except (OSError, TimeoutError) as error:
            await self.end(0.0)
            raise BootError(self._why(error)) from error

    def _prepare(self) -> None:
        if not self.root.exists():
            if self.is_isolated:
                rootfs.build(self._directory, self.spec, self._python)
            else:
                rootfs.build_unisolated(self._directory, self.spec)
        rootfs.clean_run(self._directory)

    def _setup(self) -> dict[str, Any]:
        limits = self.spec.limits
        return {
            "users": [self._describe(user) for user in (ROOT, *self.spec.users)],
            "limits": {
                "RLIMIT_NPROC": limits.processes,
                "RLIMIT_DATA": limits.memory,
                "RLIMIT_FSIZE": limits.file,
                "RLIMIT_NOFILE": limits.open_files,
                "RLIMIT_CORE": 0,
            }
            if self.is_isolated  # they would count what else this user runs
            else {"RLIMIT_CORE": 0},
            "addresses": [METADATA, self.spec.private_ip],
            "powers": self.is_isolated,
        }

    def _describe(self, user: User) -> dict[str, Any]:
        home, shell = self.home_of(user), rootfs.shell()
        return {
            "name": user.name,
            "uid": user.uid if self.is_isolated else os.getuid(),
            "gid": user.uid if self.is_isolated else os.getgid(),
            "home": home,
            "shell": shell,
        }

    def home_of(self, user: User) -> str:
        """Return a user's home directory, by the name that commands of the machine know."""
        home = "/root" if user.uid == 0 else user.home
        if self.is_isolated:
            return home
        return str(self.root / (self.spec.login.home if user.uid == 0 else home)[1:])

    def find_user(self, name: str) -> User:
        """Return a user by name; raises KeyError."""
        return {user.name: user for user in (ROOT, *self.spec.users)}[name]

    def _why(self, error: Exception) -> str:
        said = (self._directory / LOG).read_bytes()[-LOG_BYTES:].decode("utf-8", "replace").strip()
        return said or str(error) or type(error).__name__

    @property
    def channel(self) -> Channel:
        """The socket to the first process; raises ConnectionError when the machine is down."""
        if self._channel is None:
            raise ConnectionError("the machine is down")
        return self._channel

    def environment(self, user: User) -> dict[str, str]:
        """Return the environment of a user's commands; nothing of the cloud's own."""
        own = os.environ.get("PATH", os.defpath) if not self.is_isolated else rootfs.PATH
        return {
            "HOME": self.home_of(user),
            "USER": user.name,
            "LOGNAME": user.name,
            "SHELL": rootfs.shell(),
            "PATH": ":".join((*self.spec.path, own)),
            "LANG": "C.UTF-8",
            **self.spec.environment,
            **self.extra_environment,
        }

    async def start(  # noqa: PLR0913 - what a command is made of
        self,
        argv: Sequence[str],
        *,
        user: str,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        files: Sequence[int] = (),
        terminal: Terminal | None = None,
    ) -> Running:
        """Start a command on three open files, which stay the caller's, or on a terminal.

        Raises OSError if the program is not there or cannot be executed.
        """
        about = self.find_user(user)
        reply, found = await self.channel.call(
            "start",
            files,
            argv=list(argv),
            env={**self.environment(about), **(env or {})},
            cwd=cwd or self.home_of(about),
            user=user,
            terminal=None
            if terminal is None
            else {"size": terminal.size, "modes": dict(terminal.modes)},
        )
        return Running(int(reply["pid"]), self.channel, found[0] if found else None)

    async def listen(self, *address: str | int) -> socket.socket:
        """Return a socket that listens in the machine: (host, port) there, or a path."""
        _, (file,) = await self.channel.call("listen", address=list(address))
        return socket.socket(fileno=file)

    async def connect(self, host: str, port: int) -> socket.socket:
        """Return a connection to a server in the machine; raises OSError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        _, (file,) = await self.channel.call("socket", family=int(family))
        sock = socket.socket(fileno=file)
        sock.setblocking(False)  # noqa: FBT003 - it takes no names
        try:
            await asyncio.get_running_loop().sock_connect(sock, (host, port))
        except BaseException:
            sock.close()
            raise
        return sock

    async def files(self, user: str) -> Files:
        """Return access to the machine's files as a user; the caller closes it."""
        own, other = socket.socketpair()
        with other:
            await self.channel.call("files", [other.fileno()], user=user)
        return Files(Channel(own), self.home_of(self.find_user(user)))

    @property
    def is_up(self) -> bool:
        """Whether its first process lives."""
        return self._channel is not None and not self._channel.closed.done()

    async def wait_down(self) -> None:
        """Wait until the first process has ended, for whatever reason."""
        if self._channel is not None:
            await asyncio.shield(self._channel.closed)

    async def end(self, grace: float) -> None:
        """End all processes of the machine, after so many seconds by force."""
        channel, process = self._channel, self._process
        if process is None:
            return
        if channel is not None:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(grace + END_SECONDS):
                    await channel.call("end", grace=grace)
            channel.close()  # which ends it, should it not have heard
        self._process = None
        try:
            await asyncio.to_thread(process.wait, END_SECONDS)
        except Exception:  # noqa: BLE001 - TimeoutExpired, or cancelled: by force, then
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.to_thread(process.wait)
        CHILDREN.sweep()

    def remove(self) -> None:
        """Delete the files of a machine that has ended."""
        rootfs.remove(self._directory)


def _spawn_alone(command: Sequence[str], **options: Any) -> "subprocess.Popen[bytes]":
    import subprocess

    return subprocess.Popen(command, start_new_session=True, **options)  # noqa: S603 - our own words


def loopback_only(host: str) -> bool:
    """Whether an address may be connected to from a machine without a network of its own."""
    return host == "localhost" or host.startswith("127.")
