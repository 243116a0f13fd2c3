"""What a machine is made of: plain values, for EC2 and for every service that runs on it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

SHELL = "/bin/bash"
MIB = 1024**2
GIB = 1024**3

# Gets what a program of the machine sent until it closed its side, returns the answer.
Answer = Callable[[bytes], bytes]
# Serves one connection of a program of the machine, in the machines' event loop.
Serve = Callable[["StreamReader", "StreamWriter"], Awaitable[None]]


@dataclass(frozen=True)
class User:
    """A user of the machine, besides root; `authorized_keys` are lines of OpenSSH public keys."""

    name: str
    uid: int = 1000
    authorized_keys: tuple[str, ...] = ()
    comment: str = ""

    @property
    def home(self) -> str:
        """The user's home directory in the machine."""
        return f"/home/{self.name}"


ROOT = User("root", 0)


@dataclass(frozen=True)
class Bind:
    """A file or directory of the host that the machine sees, read-only, at `target`."""

    source: Path
    target: str


@dataclass(frozen=True)
class Limits:
    """What the processes of a machine may use; the memory and the file are of each process."""

    processes: int = 512
    memory: int = 2 * GIB
    file: int = 2 * GIB
    open_files: int = 1024


@dataclass(frozen=True)
class MachineSpec:
    """A machine to boot.

    `users[0]` is who logs in by SSH. `binds` bring programs of the host into the machine, whose
    directories `path` puts before its own; `environment` is that of every command. `calls` are
    functions of the cloud that programs of the machine reach at `/run/<name>.sock`: send, close
    the sending side, read the answer. `servers` are reached there too, and talk as they like.
    """

    id: str
    hostname: str
    private_ip: str
    users: tuple[User, ...]
    binds: tuple[Bind, ...] = ()
    path: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[str, Answer] = field(default_factory=dict)
    servers: Mapping[str, Serve] = field(default_factory=dict)
    limits: Limits = Limits()

    @property
    def login(self) -> User:
        """Who logs in by SSH."""
        return self.users[0]
