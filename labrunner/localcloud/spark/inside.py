"""Applications of Spark inside a machine of the local cloud, isolated as all its programs are."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

from labrunner.localcloud.machines import Machines
from labrunner.localcloud.machines.machine import Completed, Machine
from labrunner.localcloud.machines.rootfs import find_python
from labrunner.localcloud.machines.spec import Bind
from labrunner.localcloud.spark.host import PRIVATE, Write
from labrunner.localcloud.spark.installation import Installation
from labrunner.localcloud.spark.launch import LOG, Launch, Place

# Where a machine has Spark; its own programs are found below /opt too.
SPARK_HOME = "/opt/spark"
DIRECTORY = ".spark"
WAIT_SECONDS = 60.0
KILLED = 137


def binds(installation: Installation) -> tuple[Bind, ...]:
    """Return what a machine needs to see of this host, for its `MachineSpec`."""
    java = installation.java_home
    found = [Bind(installation.home, SPARK_HOME)]
    if not java.is_relative_to("/usr"):
        found.append(Bind(java, str(java)))
    found += [Bind(one, str(one)) for one in sorted(_linked(java))]
    return tuple(found)


def _linked(java: Path) -> Iterator[Path]:
    """Yield the files outside of Java's directory that it is made of, such as its settings."""
    seen = {one.resolve() for one in java.rglob("*") if one.is_symlink()}
    for one in seen:
        if one.is_file() and not (one.is_relative_to("/usr") or one.is_relative_to(java)):
            yield one


class InMachine:
    """A machine that runs applications as one of its users, in the user's directory `.spark`.

    From any thread but the machines' own.
    """

    def __init__(
        self, machines: Machines, machine: Machine, installation: Installation, user: str
    ) -> None:
        self._machines = machines
        self._machine = machine
        self._installation = installation
        self._user = user
        self._lock = threading.Lock()
        self._running: Future[Completed] | None = None
        self._cancelled: threading.Event | None = None

    @property
    def place(self) -> Place:
        """What an application finds in the machine."""
        box, found = self._machine.box, self._installation
        home = box.home_of(box.find_user(self._user))
        return Place(
            spark=SPARK_HOME if box.is_isolated else str(found.home),
            java=str(found.java_home),
            python=find_python().executable if box.is_isolated else found.python,
            python_path=found.python_path,
            directory=f"{home}/{DIRECTORY}",
            hostname=self._machine.spec.hostname,
        )

    @property
    def log(self) -> str:
        """The log of the last application's driver, in the machine."""
        return f"{self.place.directory}/{LOG}"

    def listen(self) -> socket.socket:
        """Return a socket that listens in the machine."""
        return self._machines.wait(self._machine.box.listen("127.0.0.1", 0), WAIT_SECONDS)

    def run(self, launch: Launch, out: Write, err: Write, cancelled: threading.Event) -> int:
        """Run an application and return its exit status; raises OSError."""
        directory = self.place.directory
        private = [f"{directory}/{name}" for name in PRIVATE]
        self._do("rm", "-rf", *private, f"{directory}/{LOG}")
        self._do("mkdir", "-p", "-m", "700", directory, *private)
        for path, data in launch.files.items():
            work = self._machine.write_file(path, data, mode=0o600, user=self._user)
            self._machines.wait(work, WAIT_SECONDS)
        try:
            return self._run(launch, out, err, cancelled)
        finally:
            with contextlib.suppress(OSError):  # the machine is down, and its files are as good
                self._do("rm", "-rf", *private)

    def wake(self) -> None:
        """End what runs if it was cancelled."""
        with self._lock:
            cancelled = self._cancelled is not None and self._cancelled.is_set()
            if self._running is not None and cancelled:
                self._running.cancel()

    def _run(self, launch: Launch, out: Write, err: Write, cancelled: threading.Event) -> int:
        writers = {"stdout": out, "stderr": err}
        work = self._machine.run(
            launch.argv,
            user=self._user,
            env=launch.env,
            cwd=launch.cwd,
            on_output=lambda name, data: writers[name](data),
        )
        running = self._machines.start(work)
        with self._lock:
            self._running, self._cancelled = running, cancelled
        self.wake()
        try:
            code = running.result().code
        except (CancelledError, asyncio.CancelledError):
            code = KILLED
        finally:
            with self._lock:
                self._running = None
        return code if code >= 0 else 128 - code

    def _do(self, *argv: str) -> Any:
        return self._machines.wait(self._machine.run(argv, user=self._user), WAIT_SECONDS)
