"""The files of a machine, as one of its users sees them; names are looked up inside it."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any

from labrunner.localcloud.machines.channel import Channel

Stat = SimpleNamespace


class Files:
    """Calls on files, each of which raises OSError as the operating system does.

    Paths may be relative to the user's home directory.
    """

    def __init__(self, channel: Channel, home: str) -> None:
        self._channel = channel
        self.home = home

    async def open(self, path: str, flags: int, mode: int = 0o666) -> int:
        """Return a regular file, opened with `os.open`'s flags, of the caller's to close."""
        _, (file,) = await self._channel.call("open", path=path, flags=flags, mode=mode)
        return file

    async def stat(self, path: str, *, follow: bool = True) -> Stat:
        """Return what `os.stat` does."""
        reply, _ = await self._channel.call("stat", path=path, follow=follow)
        return _stat(reply["stat"])

    async def list(self, path: str) -> list[tuple[str, Stat]]:
        """Return the entries of a directory, without `.` and `..`."""
        reply, _ = await self._channel.call("list", path=path)
        return [(name, _stat(about)) for name, about in reply["entries"]]

    async def set(self, path: str, changes: Mapping[str, Any], *, follow: bool = True) -> None:
        """Change `size`, `mode`, `owner` (uid, gid) or `times` (ns, ns)."""
        await self._channel.call("set", path=path, follow=follow, changes=dict(changes))

    async def mkdir(self, path: str, mode: int = 0o777, *, parents: bool = False) -> None:
        """Make a directory."""
        await self._channel.call("mkdir", path=path, mode=mode, parents=parents)

    async def rename(self, old: str, new: str, *, replace: bool = True) -> None:
        """Rename a file."""
        await self._channel.call("rename", old=old, new=new, replace=replace)

    async def change(self, op: str, *paths: str) -> None:
        """Perform `rmdir`, `remove`, `symlink` or `link` with the arguments of `os`."""
        values: dict[str, Any] = {f"path{number}": one for number, one in enumerate(paths)}
        await self._channel.call(op, **values)

    async def follow(self, op: str, path: str) -> str:
        """Perform `readlink` or `realpath`."""
        reply, _ = await self._channel.call(op, path=path)
        return str(reply["path"])

    async def statvfs(self, path: str) -> Stat:
        """Return what `os.statvfs` does."""
        reply, _ = await self._channel.call("statvfs", path=path)
        return SimpleNamespace(**reply["statvfs"])

    async def read(self, path: str, most: int | None = None) -> bytes:
        """Return the content of a file, or its first bytes."""
        file = await self.open(path, os.O_RDONLY)
        with os.fdopen(file, "rb") as stream:
            return await asyncio.to_thread(stream.read, -1 if most is None else most)

    async def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Write a file anew, and make the directories that lead to it."""
        await self.mkdir(str(PurePosixPath(path).parent), 0o755, parents=True)
        file = await self.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(file, "wb") as stream:
            await asyncio.to_thread(stream.write, data)

    def close(self) -> None:
        """End it."""
        self._channel.close()


def _stat(values: Mapping[str, int]) -> Stat:
    found = SimpleNamespace(**values)
    found.st_atime = found.st_atime_ns / 1e9
    found.st_mtime = found.st_mtime_ns / 1e9
    found.st_ctime = found.st_mtime
    return found
