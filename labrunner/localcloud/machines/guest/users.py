"""The users of a machine: each command runs as one of them.

The machine has one user of the host. Its own root is the sandbox's user namespace; every other user
is a nested one, which shows another number and has none of root's powers over the machine. File
permissions therefore do not keep a machine's users apart: all files belong to whoever looks.
"""

import ctypes
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NEW_USER_NAMESPACE = 0x10000000


@dataclass(frozen=True)
class User:
    """An entry of the machine's /etc/passwd."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


class Users:
    """The users of this machine, by name."""

    def __init__(self, described: list[Mapping[str, Any]], *, isolated: bool) -> None:
        self._users = {one["name"]: User(**one) for one in described}
        self._libc = ctypes.CDLL(None, use_errno=True) if isolated else None
        self._namespaces = {
            name: self._namespace(user)
            for name, user in self._users.items()
            if isolated and user.uid != 0
        }

    def find(self, name: str) -> User:
        """Return a user; raises KeyError."""
        return self._users[name]

    def enter(self, name: str) -> None:
        """Become a user, for good; for a process that has just been forked."""
        namespace = self._namespaces.get(name)
        if namespace is not None:
            assert self._libc is not None
            self._check(self._libc.setns(namespace, NEW_USER_NAMESPACE))

    def _namespace(self, user: User) -> int:
        """Make a user's namespace in a child, which only keeps it alive until it is opened."""
        made, made_end = os.pipe()
        opened_end, opened = os.pipe()
        child = os.fork()
        if child == 0:
            self._inhabit(user, made_end, opened_end, (made, opened))
        os.close(made_end)
        os.close(opened_end)
        try:
            if os.read(made, 1) != b"+":
                raise PermissionError(1, f"no user namespace for {user.name}")
            return os.open(f"/proc/{child}/ns/user", os.O_RDONLY)
        finally:
            os.close(made)
            os.close(opened)
            os.waitpid(child, 0)

    def _inhabit(self, user: User, made: int, opened: int, others: tuple[int, int]) -> None:
        try:
            for other in others:
                os.close(other)
            assert self._libc is not None
            self._check(self._libc.unshare(NEW_USER_NAMESPACE))
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user.uid} 0 1")
            Path("/proc/self/gid_map").write_text(f"{user.gid} 0 1")
            os.write(made, b"+")
            os.read(opened, 1)
        finally:
            os._exit(0)

    def _check(self, result: int) -> None:
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
