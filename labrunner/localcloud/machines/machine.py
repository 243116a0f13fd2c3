"""A machine: boots, runs commands, is reached by SSH at an address, and goes down.

All methods are coroutines of the machines' event loop; `Machines.wait` runs one from any thread.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner.localcloud.machines import pipes, web
from labrunner.localcloud.machines.box import METADATA, BootError, Box
from labrunner.localcloud.machines.cloudinit import Console, host_keys, run_user_data
from labrunner.localcloud.machines.isolation import Isolation
from labrunner.localcloud.machines.network import SSH, Address, Doors, Rule, reset, splice
from labrunner.localcloud.machines.spec import Answer, MachineSpec

if TYPE_CHECKING:
    import asyncssh

    from labrunner.localcloud.machines.ssh import SSHServer

HTTP = 80
MOST_CALL = 64 * 1024 * 1024

OnPower = Callable[[str], None]
OnOutput = Callable[[str, bytes], None]


@dataclass(frozen=True)
class Completed:
    """How a command ended: its exit status, or minus the signal, and what it printed."""

    code: int
    stdout: bytes
    stderr: bytes


class Machine:
    """One machine, from its first boot until it is removed; it can be stopped and booted again.

    `metadata` answers its calls to 169.254.169.254; `endpoint_port` is the cloud's own, which the
    machine reaches at the same port of its 127.0.0.1. `on_power` is told when a program of the
    machine switches it `off`, or wants it to `reboot`.
    """

    def __init__(  # noqa: PLR0913 - what a machine needs of the cloud
        self,
        spec: MachineSpec,
        directory: Path,
        isolation: Isolation,
        *,
        now: Callable[[], datetime],
        metadata: web.Respond | None = None,
        endpoint_port: int = 0,
        on_power: OnPower = lambda _: None,
    ) -> None:
        self.spec = spec
        self.console = Console()
        self.address: Address | None = None
        self._directory = directory
        self._isolation = isolation
        self._now = now
        self._metadata = metadata
        self._endpoint_port = endpoint_port
        self._on_power = on_power
        self._box: Box | None = None
        self._ssh: SSHServer | None = None
        self._host_key: asyncssh.SSHKey
        self._doors = Doors(self._serve, self.console.say)
        self._background: set[asyncio.Task[Any]] = set()
        self._services: list[asyncio.AbstractServer] = []

    # ---- its life

    async def boot(self) -> None:
        """Boot, and be ready for SSH behind closed doors; raises BootError."""
        if not self._directory.exists():
            self._directory.mkdir(mode=0o700, parents=True)
        began = asyncio.get_running_loop().time()
        box = Box(self.spec, self._directory, self._isolation)
        await box.boot(self._on_event)
        self._box = box
        try:
            await self._offer_services(box)
            await asyncio.to_thread(self._make_ssh, box)
        except (OSError, ValueError) as error:
            await self.stop(0.0)
            raise BootError(str(error)) from error
        seconds = asyncio.get_running_loop().time() - began
        how = "in a bubblewrap sandbox" if box.is_isolated else "WITHOUT ISOLATION on this host"
        self.console.say(f"{self.spec.id} {self.spec.hostname} booted {how} in {seconds:.2f} s")
        self._show_host_key()

    async def stop(self, grace: float) -> None:
        """Go down: close the address, end all processes; the files stay."""
        await self._doors.close()
        await self.set_address(None)
        for server in self._services:
            server.close()
        self._services.clear()
        if self._box is not None:
            await self._box.end(grace)
            self._box = None
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    async def remove(self, grace: float) -> None:
        """Go down, for good, and leave nothing behind."""
        await self.stop(grace)
        if self._directory.exists():
            box = Box(self.spec, self._directory, self._isolation)
            await asyncio.to_thread(box.remove)

    async def wait_down(self) -> None:
        """Wait until it is down, for whatever reason."""
        if self._box is not None:
            await self._box.wait_down()

    @property
    def box(self) -> Box:
        """Its running sandbox; raises ConnectionError when it is down."""
        if self._box is None or not self._box.is_up:
            raise ConnectionError(f"the machine {self.spec.id} is down")
        return self._box

    def in_background(self, work: "Any") -> None:
        """Do something that ends with the machine."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def run_user_data(self, user_data: bytes) -> int | None:
        """Run what cloud-init would run, as root, and return its exit status."""
        return await run_user_data(self.box, user_data, self.console, self._now)

    # ---- its network

    async def set_address(self, address: Address | None) -> None:
        """Move to an address of the host, or be reached at none; the old one is given back."""
        old, self.address = self.address, address
        await self._doors.set_address(address)
        if old is not None and old is not address:
            old.release()

    async def set_rules(self, rules: Collection[Rule]) -> None:
        """Let in who the rules allow, from now on; connections that are open stay."""
        await self._doors.set_rules(rules)

    async def _serve(self, sock: socket.socket, port: int) -> None:
        try:
            box = self.box
            if port == SSH:
                assert self._ssh is not None
                await self._ssh.serve(sock)
                return
            inside = await box.connect("127.0.0.1", port)
        except OSError:
            reset(sock)
            return
        await splice(sock, inside)

    async def _offer_services(self, box: Box) -> None:
        if self._metadata is not None:
            host, port = (METADATA, HTTP) if box.is_isolated else ("127.0.0.1", 0)
            sock = await box.listen(host, port)
            if not box.is_isolated:  # SDKs look there
                place = f"http://127.0.0.1:{sock.getsockname()[1]}"
                box.extra_environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = place
            self._services.append(await web.serve(sock, self._metadata))
        if self._endpoint_port and box.is_isolated:
            sock = await box.listen("127.0.0.1", self._endpoint_port)
            self._services.append(await asyncio.start_server(self._to_cloud, sock=sock))
        servers = {name: _calls(answer) for name, answer in self.spec.calls.items()}
        for name, serve in {**servers, **self.spec.servers}.items():
            path = f"/run/{name}.sock" if box.is_isolated else str(box.root / f"run/{name}.sock")
            sock = await box.listen(path)
            self._services.append(await asyncio.start_unix_server(serve, sock=sock))

    async def _to_cloud(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner, outer = await asyncio.open_connection("127.0.0.1", self._endpoint_port)
            await asyncio.gather(_pass_on(reader, outer), _pass_on(inner, writer))
        except OSError:
            pass  # the cloud is about to end
        finally:
            writer.close()

    def _make_ssh(self, box: Box) -> None:
        from labrunner.localcloud.machines import keys
        from labrunner.localcloud.machines.ssh import SSHServer  # heavy: 0.2 s

        self._host_key = keys.host_key(self._directory)
        self._ssh = SSHServer(box, self._host_key)

    def _show_host_key(self) -> None:
        from labrunner.localcloud.machines import keys

        name = self.spec.hostname
        fingerprint = keys.fingerprint_line(self._host_key, name)
        public = keys.public_line(self._host_key, name)
        self.console.write(host_keys(fingerprint, public, self._now()))

    def _on_event(self, message: Mapping[str, Any]) -> None:
        if message.get("event") == "power":
            self._on_power("reboot" if message.get("action") == "reboot" else "off")

    # ---- what the cloud does in it

    async def run(  # noqa: PLR0913 - what a command is made of
        self,
        argv: Sequence[str],
        *,
        user: str = "root",
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        input: bytes = b"",  # noqa: A002 - subprocess's word
        on_output: OnOutput | None = None,
    ) -> Completed:
        """Run a command and wait for its end; raises OSError if it cannot be started.

        `on_output` gets ("stdout" or "stderr", bytes) as they come; then nothing is kept.
        A command whose caller is cancelled is killed.
        """
        kept: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}

        def take(name: str) -> pipes.Take:
            if on_output is None:
                return kept[name].extend
            return lambda data: on_output(name, data)

        inner_in, outer_in = os.pipe()
        outer_out, inner_out = os.pipe()
        outer_err, inner_err = os.pipe()
        inner = (inner_in, inner_out, inner_err)
        try:
            running = await self.box.start(argv, user=user, env=env, cwd=cwd, files=inner)
        except BaseException:
            for one in (outer_in, outer_out, outer_err):
                os.close(one)
            raise
        finally:
            for one in inner:
                os.close(one)
        try:
            await asyncio.gather(
                _feed(outer_in, input),
                pipes.read_all(outer_out, take("stdout")),
                pipes.read_all(outer_err, take("stderr")),
            )
            code = await running.wait()
        except BaseException:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(running.kill(9))
            raise
        return Completed(code, bytes(kept["stdout"]), bytes(kept["stderr"]))

    async def read_file(self, path: str, *, user: str = "root") -> bytes:
        """Return the content of a file of the machine; raises OSError."""
        files = await self.box.files(user)
        try:
            return await files.read(path)
        finally:
            files.close()

    async def write_file(
        self, path: str, data: bytes, *, mode: int = 0o644, user: str = "root"
    ) -> None:
        """Write a file of the machine, and the directories that lead to it; raises OSError."""
        files = await self.box.files(user)
        try:
            await files.write(path, data, mode)
        finally:
            files.close()


async def _feed(file: int, data: bytes) -> None:
    writer = await pipes.open_writer(file)
    try:
        for start in range(0, len(data), pipes.CHUNK):
            await writer.write(data[start : start + pipes.CHUNK])
    finally:
        writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(pipes.CHUNK):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def _calls(answer: Answer) -> Any:
    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            data = await reader.read(MOST_CALL)
            while len(data) < MOST_CALL and (more := await reader.read(MOST_CALL)):
                data += more
            writer.write(await asyncio.to_thread(answer, data))
            await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    return attend
