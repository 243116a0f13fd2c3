"""Works with the files of a machine as one of its users, for SFTP and for the cloud.

Only here are names looked up: the cloud gets open files, so that no link inside a machine ever
leads it to a file of the host.
"""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import wire

Reply = tuple[wire.Message, list[int]]
STAT = ("st_mode", "st_size", "st_uid", "st_gid", "st_atime_ns", "st_mtime_ns", "st_nlink")
VFS = [
    "f_bsize",
    "f_frsize",
    "f_blocks",
    "f_bfree",
    "f_bavail",
    "f_files",
    "f_ffree",
    "f_favail",
    "f_flag",
    "f_namemax",
]


def serve(sock: Any) -> None:
    """Answer calls until the other side closes."""
    while (received := wire.receive(sock)) is not None:
        message, files = received
        for file in files:
            os.close(file)
        number = message.pop("id")
        try:
            reply, opened = CALLS[message.pop("op")](**message)
        except OSError as error:
            reply, opened = wire.failure(error), []
        wire.send(sock, {"id": number, **reply}, opened)
        for file in opened:
            os.close(file)


def _open(path: str, flags: int, mode: int) -> Reply:
    # A pipe that nobody writes must not stop everything else.
    file = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, mode)
    if stat.S_ISREG(os.fstat(file).st_mode):
        return {}, [file]
    os.close(file)
    raise OSError(errno.EINVAL, "Not a regular file")


def _stat(path: str, *, follow: bool) -> Reply:
    return {"stat": _as_values(Path(path).stat(follow_symlinks=follow))}, []


def _as_values(found: os.stat_result) -> dict[str, int]:
    return {name: getattr(found, name) for name in STAT}


def _list(path: str) -> Reply:
    entries = []
    with os.scandir(path) as found:
        for entry in found:
            try:
                about = entry.stat(follow_symlinks=False)
            except OSError:  # it went away meanwhile
                continue
            entries.append([entry.name, _as_values(about)])
    return {"entries": entries}, []


def _set(path: str, *, follow: bool, changes: dict[str, Any]) -> Reply:
    if "size" in changes:
        os.truncate(path, changes["size"])
    if "mode" in changes and (follow or not stat.S_ISLNK(os.lstat(path).st_mode)):
        Path(path).chmod(changes["mode"])
    if "owner" in changes:
        uid, gid = changes["owner"]
        about = Path(path).stat(follow_symlinks=follow)
        if (about.st_uid, about.st_gid) != (uid, gid):
            os.chown(path, uid, gid, follow_symlinks=follow)
    if "times" in changes:
        atime, mtime = changes["times"]
        os.utime(path, ns=(atime, mtime), follow_symlinks=follow)
    return {}, []


def _make_directory(path: str, mode: int, *, parents: bool = False) -> Reply:
    if parents:
        os.makedirs(path, mode, exist_ok=True)  # noqa: PTH103 - the mode is for all of them
    else:
        Path(path).mkdir(mode)
    return {}, []


def _rename(old: str, new: str, *, replace: bool) -> Reply:
    if not replace and os.path.lexists(new):
        raise FileExistsError(errno.EEXIST, "File exists")
    Path(old).replace(new)
    return {}, []


def _none(call: Callable[..., None]) -> Callable[..., Reply]:
    def answer(**values: Any) -> Reply:
        call(*values.values())
        return {}, []

    return answer


def _read_link(path: str) -> Reply:
    return {"path": str(Path(path).readlink())}, []


def _real_path(path: str) -> Reply:
    return {"path": os.path.realpath(path)}, []


def _free_space(path: str) -> Reply:
    found = os.statvfs(path)
    return {"statvfs": {name: getattr(found, name) for name in VFS}}, []


CALLS: dict[str, Callable[..., Reply]] = {
    "open": _open,
    "stat": _stat,
    "list": _list,
    "set": _set,
    "mkdir": _make_directory,
    "rename": _rename,
    "rmdir": _none(os.rmdir),
    "remove": _none(os.remove),
    "symlink": _none(os.symlink),
    "link": _none(os.link),
    "readlink": _read_link,
    "realpath": _real_path,
    "statvfs": _free_space,
}
