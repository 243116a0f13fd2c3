"""The nodes of a cluster: machines, used from any thread but that of the machines' loop."""

import inspect
import os
import stat
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO, TypeVar

from labrunner.localcloud.machines import Machines
from labrunner.localcloud.machines.box import Running
from labrunner.localcloud.machines.files import Files
from labrunner.localcloud.machines.machine import Machine

T = TypeVar("T")
USER = "hadoop"
HOME = f"/home/{USER}"
WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
WAIT_SECONDS = 60.0
KILL = 9


@dataclass(frozen=True)
class LocalStatus:
    """A file of a machine: its size in bytes and when it was changed, in seconds."""

    name: str
    is_directory: bool
    size: int
    modified: float
    mode: int


class Process:
    """A command of a node with three pipes, which are the caller's to close."""

    def __init__(
        self, node: "Node", running: Running, pipes: tuple[BinaryIO, BinaryIO, BinaryIO]
    ) -> None:
        self._node = node
        self._running = running
        self.stdin, self.stdout, self.stderr = pipes

    def wait(self) -> int:
        """Return its exit status, or minus the signal that ended it; raises OSError."""
        return self._node.wait(self._running.wait(), None)

    def kill(self) -> None:
        """End it and its children."""
        self._node.wait(self._running.kill(KILL))


@dataclass(eq=False)
class Node:
    """A machine of the cluster; every method raises OSError when the machine is down."""

    id: str  # the instance's
    role: str  # MASTER, CORE or TASK
    hostname: str
    ip: str
    machine: Machine
    machines: Machines
    _files: Files | None = field(default=None, repr=False)

    @property
    def is_up(self) -> bool:
        """Whether the machine runs."""
        try:
            return self.machine.box.is_up
        except ConnectionError:
            return False

    def place(self, path: str) -> str:
        """Return an absolute path as the machine's commands know it."""
        box = self.machine.box
        return path if box.is_isolated else f"{box.root}{path}"

    def wait(self, work: Coroutine[Any, Any, T], seconds: float | None = WAIT_SECONDS) -> T:
        """Do work in the machines' loop; raises ConnectionError once that has ended."""
        try:
            return self.machines.wait(work, seconds)
        except RuntimeError:
            if inspect.getcoroutinestate(work) != inspect.CORO_CREATED:
                raise
            work.close()
            raise ConnectionError("the machines of the cloud have ended") from None

    @property
    def files(self) -> Files:
        """Access to its files as the user hadoop."""
        if self._files is None:
            self._files = self.wait(self.machine.box.files(USER))
        return self._files

    def open(self, path: str) -> BinaryIO:
        """Open a file to be read, unbuffered."""
        return os.fdopen(self.wait(self.files.open(path, os.O_RDONLY)), "rb", buffering=0)

    def create(self, path: str, mode: int = 0o644, flags: int = WRITE) -> BinaryIO:
        """Open a file to be written, unbuffered, and make the directories that lead to it."""
        self.mkdirs(str(PurePosixPath(path).parent))
        return os.fdopen(self.wait(self.files.open(path, flags, mode)), "wb", buffering=0)

    def mkdirs(self, path: str) -> None:
        """Make a directory and those that lead to it."""
        self.wait(self.files.mkdir(path, 0o755, parents=True))

    def status(self, path: str) -> LocalStatus | None:
        """Return what a path is, None if it is not there."""
        try:
            return _status(PurePosixPath(path).name, self.wait(self.files.stat(path)))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def list(self, path: str) -> list[LocalStatus]:
        """Return what a directory has, by name."""
        found = self.wait(self.files.list(path))
        return [_status(name, about) for name, about in sorted(found, key=lambda one: one[0])]

    def remove(self, path: str) -> None:
        """Delete a file."""
        self.wait(self.files.change("remove", path))

    def start(self, argv: Sequence[str], *, cwd: str, env: Mapping[str, str]) -> Process:
        """Start a command of the user hadoop."""
        inner_in, outer_in = os.pipe()
        outer_out, inner_out = os.pipe()
        outer_err, inner_err = os.pipe()
        inner = (inner_in, inner_out, inner_err)
        try:
            running = self.wait(
                self.machine.box.start(argv, user=USER, env=env, cwd=cwd, files=inner)
            )
        except BaseException:
            for one in (outer_in, outer_out, outer_err):
                os.close(one)
            raise
        finally:
            for one in inner:
                os.close(one)
        pipes = (
            os.fdopen(outer_in, "wb", buffering=0),
            os.fdopen(outer_out, "rb"),
            os.fdopen(outer_err, "rb"),
        )
        return Process(self, running, pipes)


def _status(name: str, about: Any) -> LocalStatus:
    mode = int(about.st_mode)
    return LocalStatus(name, stat.S_ISDIR(mode), int(about.st_size), about.st_mtime, mode)
