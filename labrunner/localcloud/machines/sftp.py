"""SFTP, and with it `scp`: asyncssh speaks the protocol, the machine does the work."""

import errno
import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import asyncssh
from asyncssh import sftp

from labrunner.localcloud.machines.files import Files, Stat

if TYPE_CHECKING:
    from labrunner.localcloud.machines.box import Box

FLAGS = {
    asyncssh.FXF_APPEND: os.O_APPEND,
    asyncssh.FXF_CREAT: os.O_CREAT,
    asyncssh.FXF_TRUNC: os.O_TRUNC,
    asyncssh.FXF_EXCL: os.O_EXCL,
}


def _text(path: bytes) -> str:
    return os.fsdecode(path) or "."


class SFTPServer(asyncssh.SFTPServer):
    """The files of one machine for one login."""

    def __init__(self, chan: "asyncssh.SSHServerChannel[bytes]", box: "Box", user: str) -> None:
        super().__init__(chan)
        self._box = box
        self._user = user
        self._opened: Files | None = None

    async def _files(self) -> Files:
        if self._opened is None:
            self._opened = await self._box.files(self._user)
        return self._opened

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        reads, writes = pflags & asyncssh.FXF_READ, pflags & asyncssh.FXF_WRITE
        flags = os.O_RDWR if reads and writes else os.O_WRONLY if writes else os.O_RDONLY
        for wish, flag in FLAGS.items():
            flags |= flag if pflags & wish else 0
        mode = 0o666 if attrs.permissions is None else attrs.permissions
        file = await (await self._files()).open(_text(path), flags, mode & 0o7777)
        return os.fdopen(file, "r+b" if reads and writes else "wb" if writes else "rb", buffering=0)

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if offset + len(data) > self._box.spec.limits.file:
            raise OSError(errno.EFBIG, "File too large")
        written: int = super().write(file_obj, offset, data)  # type: ignore[assignment]
        return written

    async def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return _attributes(await (await self._files()).stat(_text(path), follow=False))

    async def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return _attributes(await (await self._files()).stat(_text(path)))

    def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        found = _attributes(os.fstat(file_obj.fileno()))  # type: ignore[attr-defined]
        # The host's number for the machine's user, which says nothing in the machine.
        found.uid = found.gid = self._box.spec.login.uid
        return found

    async def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        await (await self._files()).set(_text(path), _changes(attrs))

    async def lsetstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        await (await self._files()).set(_text(path), _changes(attrs), follow=False)

    async def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> None:
        changes = _changes(attrs)
        file: int = file_obj.fileno()  # type: ignore[attr-defined]
        if "size" in changes:
            os.ftruncate(file, min(changes["size"], self._box.spec.limits.file))
        if "mode" in changes:
            os.fchmod(file, changes["mode"])
        if "times" in changes:
            os.utime(file, ns=changes["times"])

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        files = await self._files()
        own, above = await files.stat(_text(path)), await files.stat(f"{_text(path)}/..")
        for name, about in ((".", own), ("..", above), *(await files.list(_text(path)))):
            entry = sftp.SFTPName(os.fsencode(name), attrs=_attributes(about))
            found = self.format_longname(entry)
            if found is not None:
                await found
            yield entry

    async def remove(self, path: bytes) -> None:
        await (await self._files()).change("remove", _text(path))

    async def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        mode = 0o777 if attrs.permissions is None else attrs.permissions & 0o7777
        await (await self._files()).mkdir(_text(path), mode)

    async def rmdir(self, path: bytes) -> None:
        await (await self._files()).change("rmdir", _text(path))

    async def realpath(self, path: bytes) -> bytes:
        return os.fsencode(await (await self._files()).follow("realpath", _text(path)))

    async def readlink(self, path: bytes) -> bytes:
        return os.fsencode(await (await self._files()).follow("readlink", _text(path)))

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await (await self._files()).rename(_text(oldpath), _text(newpath), replace=False)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        await (await self._files()).rename(_text(oldpath), _text(newpath))

    async def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        await (await self._files()).change("symlink", _text(oldpath), _text(newpath))

    async def link(self, oldpath: bytes, newpath: bytes) -> None:
        await (await self._files()).change("link", _text(oldpath), _text(newpath))

    async def statvfs(self, path: bytes) -> asyncssh.SFTPVFSAttrs:
        about = await (await self._files()).statvfs(_text(path))
        return asyncssh.SFTPVFSAttrs(
            bsize=about.f_bsize,
            frsize=about.f_frsize,
            blocks=about.f_blocks,
            bfree=about.f_bfree,
            bavail=about.f_bavail,
            files=about.f_files,
            ffree=about.f_ffree,
            favail=about.f_favail,
            flags=about.f_flag,
            namemax=about.f_namemax,
        )

    def open56(
        self, path: bytes, desired_access: int, flags: int, attrs: asyncssh.SFTPAttrs
    ) -> object:
        del path, desired_access, flags, attrs
        raise asyncssh.SFTPOpUnsupported("SFTP version 3 only")

    def format_user(self, uid: int | None) -> str:
        return self._name(uid)

    def format_group(self, gid: int | None) -> str:
        return self._name(gid)

    def _name(self, number: int | None) -> str:
        users = {0: "root", **{user.uid: user.name for user in self._box.spec.users}}
        return users.get(number or 0, str(number))

    def exit(self) -> None:
        if self._opened is not None:
            self._opened.close()
        # Without a status, OpenSSH's `scp` takes a transfer that went well for one that failed.
        self.channel.exit(0)


def _changes(attrs: asyncssh.SFTPAttrs) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if attrs.size is not None:
        changes["size"] = attrs.size
    if attrs.permissions is not None:
        changes["mode"] = attrs.permissions & 0o7777
    if attrs.uid is not None and attrs.gid is not None:
        changes["owner"] = (attrs.uid, attrs.gid)
    if attrs.atime is not None and attrs.mtime is not None:
        atime = attrs.atime * 10**9 + (attrs.atime_ns or 0)
        changes["times"] = (atime, attrs.mtime * 10**9 + (attrs.mtime_ns or 0))
    return changes


def _attributes(about: Stat | os.stat_result) -> asyncssh.SFTPAttrs:
    return asyncssh.SFTPAttrs(
        size=about.st_size,
        uid=about.st_uid,
        gid=about.st_gid,
        permissions=about.st_mode,
        atime=int(about.st_atime),
        mtime=int(about.st_mtime),
        nlink=about.st_nlink,
    )
