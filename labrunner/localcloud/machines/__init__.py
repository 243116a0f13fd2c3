"""Machines: the servers of the local cloud, each in a sandbox, reached by SSH.

EC2 boots them for its instances, other services for theirs. `cloud.state(Machines)` has them all::

    machines = cloud.state(Machines)
    machine = machines.make(spec, cloud)             # raises MachinesUnavailableError
    machines.wait(machine.boot())                    # raises BootError
    done = machines.wait(machine.run(["hostname"], user="hadoop", env={"A": "b"}, cwd="/tmp"))
    machines.wait(machine.write_file("/home/hadoop/steps.json", b"[]", user="hadoop"))
    machines.wait(machine.remove(grace=0.5))

How it is built:

- `spec` says what a machine is made of, `isolation` whether this host can have any.
- `box` is a running machine: `sandbox` starts it in bubblewrap, with the files of `rootfs`. Its
  first process is the program in `guest`, which only the standard library carries; `channel` is the
  socket to it. That program starts commands, opens files and makes sockets *inside*, and passes the
  open descriptors out, so that the cloud never looks up a name that a machine can change.
- `ssh`, `sftp`, `web` and `network` serve those descriptors; `cloudinit` is the first boot.
- One event loop (`loop`) serves all machines of a cloud. It ends with the cloud, and every machine
  with it: its first process ends when the socket does.

Users of one machine are not kept apart from each other, see `guest.users`. The size of a machine's
files is limited one by one, not in sum. A process is limited in memory, and the number of processes
of a machine is; the kernel does not enforce the latter where the cloud runs as root.
"""

import contextlib
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from labrunner.localcloud.machines.isolation import Isolation, Unavailable, Verdict, detect

if TYPE_CHECKING:
    from labrunner.localcloud.cloud import Cloud
    from labrunner.localcloud.machines.loop import Loop
    from labrunner.localcloud.machines.machine import Machine
    from labrunner.localcloud.machines.spec import MachineSpec

T = TypeVar("T")
DIRECTORY = "machines"
CLOSE_SECONDS = 10.0
CLOSE_GRACE = 0.1


class MachinesUnavailableError(Exception):
    """This host cannot run machines: why, and what to do."""

    def __init__(self, verdict: Unavailable) -> None:
        super().__init__(f"{verdict.why} {verdict.next}")
        self.why = verdict.why
        self.next = verdict.next


class Machines:
    """All machines of one cloud, and their event loop."""

    def __init__(self) -> None:
        self.verdict: Verdict | None = None  # found out at first use
        self._loop: Loop | None = None
        self._all: set[Machine] = set()
        self._lock = threading.Lock()

    def isolation(self) -> Isolation:
        """Return how machines run here; raises MachinesUnavailableError where they cannot."""
        import importlib.util
        import os

        if self.verdict is None:
            self.verdict = detect(os.environ)
            if importlib.util.find_spec("asyncssh") is None:
                why = "Machines are reached by SSH, and the package asyncssh is missing."
                self.verdict = Unavailable(why, "pip install 'labrunner[local]'")
        if isinstance(self.verdict, Unavailable):
            raise MachinesUnavailableError(self.verdict)
        return self.verdict

    def make(self, spec: "MachineSpec", cloud: "Cloud", **options: Any) -> "Machine":
        """Return a machine that has not booted yet, with `Machine`'s further options."""
        from labrunner.localcloud.machines.machine import Machine

        directory = cloud.settings.directory / DIRECTORY / spec.id
        options = {"now": cloud.now, "endpoint_port": cloud.port, **options}
        machine = Machine(spec, directory, self.isolation(), **options)
        self._all.add(machine)
        return machine

    def forget(self, machine: "Machine") -> None:
        """Let go of a machine that was removed."""
        self._all.discard(machine)

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin work on machines, from any thread."""
        with self._lock:
            if self._loop is None:
                from labrunner.localcloud.machines.loop import Loop

                self._loop = Loop()
            return self._loop.start(work)

    def wait(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Do work on machines and return its result; from any thread but the machines' own."""
        return self.start(work).result(timeout)

    def close(self) -> None:
        """End all machines, with their files."""
        if self._loop is None:
            return
        with contextlib.suppress(Exception):  # whatever is left ends with the cloud's process
            self.wait(self._remove_all(), CLOSE_SECONDS)
        self._loop.close()

    async def _remove_all(self) -> None:
        import asyncio

        await asyncio.gather(
            *(machine.remove(CLOSE_GRACE) for machine in self._all), return_exceptions=True
        )
        self._all.clear()
