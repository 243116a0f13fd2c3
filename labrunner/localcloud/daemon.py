"""Starts, finds and ends the local cloud of a directory, from any process.

A directory has at most one cloud. The cloud holds a lock on `cloud.lock` for its whole life and
writes its pid and id into it, so that the operating system, and not a file that a crash leaves
behind, says whether it lives. `cloud.json` says where it listens. Whoever starts or ends a cloud
holds `start.lock` meanwhile.
"""

import contextlib
import errno
import json
import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from labrunner.localcloud.process import (
    LOCK,
    PAUSE,
    RECORD,
    Cloud,
    Holder,
    acquire,
    read_holder,
    read_record,
)

if TYPE_CHECKING:
    import subprocess

START_LOCK = "start.lock"
LOG = "cloud.log"
WORK = "cloud.work"
PROGRAM = (sys.executable, "-m", "labrunner.localcloud")
KILL_SECONDS = 5.0
STATUS_SECONDS = 5.0
NOT_STARTED = "The local cloud did not start."


@dataclass(frozen=True)
class Status:
    """How a live cloud fares; `empty` when nothing lives in it, memory None where not known."""

    cloud: Cloud
    idle_seconds: float
    empty: bool
    uptime_seconds: float
    rss_bytes: int | None


class CloudError(Exception):
    """What the local cloud could not do, why, and the command to type next."""

    def __init__(self, what: str, why: str = "", next: str = "") -> None:  # noqa: A002 - the word
        super().__init__(f"{what} {why}".strip())
        self.what = what
        self.why = why
        self.next = next


def find(directory: Path) -> Cloud | None:
    """Return the live cloud of this directory, or None; reads two files and starts nothing."""
    record = read_record(directory)
    if record is None:
        return None
    cloud = record.cloud
    return cloud if read_holder(directory) == Holder(cloud.pid, cloud.id) else None


def start(
    directory: Path, *, port: int = 0, timeout: float = 30.0, program: Sequence[str] = PROGRAM
) -> Cloud:
    """Return the live cloud of this directory, started if there is none; raises CloudError."""
    deadline = time.monotonic() + timeout
    directory = directory.absolute()
    cloud = find(directory)
    if cloud is not None:
        return _on_port(cloud, port)
    prepare(directory)
    with _one_at_a_time(directory, deadline):
        return _start(directory, port, deadline, program)


def stop(directory: Path, *, timeout: float = 10.0) -> bool:
    """End the cloud of this directory and all it started; return whether there was one."""
    if sys.platform == "win32" or not (directory / LOCK).exists():
        return False
    with _one_at_a_time(directory, time.monotonic() + timeout):
        return _stop(directory, timeout)


def reset(directory: Path, *, timeout: float = 30.0, program: Sequence[str] = PROGRAM) -> Cloud:
    """Replace the cloud of this directory by an empty one, on the same port if it was fixed."""
    deadline = time.monotonic() + timeout
    directory = directory.absolute()
    prepare(directory)
    with _one_at_a_time(directory, deadline):
        record = read_record(directory)
        port = record.cloud.port if record is not None and record.fixed_port else 0
        _stop(directory, timeout / 3)
        return _start(directory, port, deadline, program)


def status(directory: Path) -> Status | None:
    """Return how the cloud of this directory fares, None if there is none; raises CloudError."""
    cloud = find(directory)
    if cloud is None:
        return None
    from datetime import UTC, datetime

    answer = _ask_status(cloud)
    uptime = datetime.now(UTC) - datetime.fromisoformat(cloud.started_at)
    return Status(
        cloud=cloud,
        idle_seconds=float(answer["idle_seconds"]),
        empty=bool(answer["empty"]),
        uptime_seconds=uptime.total_seconds(),
        rss_bytes=_resident_bytes(cloud.pid),
    )


def _ask_status(cloud: Cloud) -> dict[str, Any]:
    import http.client

    headers = {"Authorization": f"Bearer {cloud.secret_key}"}
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=STATUS_SECONDS)
    try:
        connection.request("GET", "/_labrunner/status", headers=headers)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        if answer["cloud_id"] == cloud.id:
            return answer
        why = f"Another server answers at {cloud.endpoint}."
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
        why = f"Process {cloud.pid} lives, but {cloud.endpoint} gave: {error!r}."
    finally:
        connection.close()
    raise CloudError("The local cloud does not answer.", why, "labrunner cloud stop")


def _resident_bytes(pid: int) -> int | None:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None  # macOS has no /proc, and asking `ps` costs a process
    return pages * os.sysconf("SC_PAGE_SIZE")


# ---- the files of a cloud


def prepare(directory: Path) -> None:
    """Make the directory, private to this user; raises CloudError if it cannot be."""
    if sys.platform == "win32":
        raise CloudError("The local cloud runs on Linux and macOS, not on Windows.")
    what = f"The directory {directory} cannot hold a local cloud."
    look = f"ls -ld '{directory}'"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.lstat()
        if stat.S_ISLNK(found.st_mode):
            raise CloudError(what, "It is a symbolic link.", look)
        if found.st_uid != os.geteuid():
            raise CloudError(what, "It belongs to another user.", look)
        if found.st_mode & 0o077:
            _close_to_others(directory, what)
    except OSError as error:
        raise CloudError(what, f"{error.filename}: {error.strerror}.", look) from error


def _close_to_others(directory: Path, what: str) -> None:
    names = {path.name for path in directory.iterdir()}
    if names and LOCK not in names:  # somebody's own folder, or /tmp: not ours to close
        why = "Other users may enter it, and it holds files that are not a cloud's."
        raise CloudError(what, why, f"chmod 700 '{directory}'")
    directory.chmod(0o700)


def remove_files(directory: Path, *, logs: bool) -> None:
    """Remove what a cloud wrote, but for the locks: another process may be waiting on those."""
    import shutil

    for name in (RECORD, f"{RECORD}.tmp", *((LOG, f"{LOG}.1") if logs else ())):
        with contextlib.suppress(OSError):
            (directory / name).unlink()
    shutil.rmtree(directory / WORK, ignore_errors=True)


@contextlib.contextmanager
def _one_at_a_time(directory: Path, deadline: float) -> Iterator[None]:
    try:
        descriptor = acquire(directory / START_LOCK, deadline)
    except OSError as error:
        raise startup_error(error, directory, 0) from error
    if descriptor is None:
        why = "Another command is starting or stopping it."
        raise CloudError("The local cloud is busy.", why, "labrunner cloud status")
    try:
        yield
    finally:
        os.close(descriptor)


# ---- starting and ending


def _start(directory: Path, port: int, deadline: float, program: Sequence[str]) -> Cloud:
    while True:
        cloud = find(directory)
        if cloud is not None:
            return _on_port(cloud, port)
        if read_holder(directory) is None:
            return _launch(directory, port, deadline, program)
        # A cloud whose starter was killed is coming up, or one is on its way out.
        if time.monotonic() >= deadline:
            why = "One is there, but does not get ready."
            raise CloudError(NOT_STARTED, why, "labrunner cloud stop")
        time.sleep(PAUSE)


def _on_port(cloud: Cloud, port: int) -> Cloud:
    if port in (0, cloud.port):
        return cloud
    what = f"The local cloud cannot listen on port {port}."
    raise CloudError(what, f"It already runs on port {cloud.port}.", "labrunner cloud stop")


def _launch(directory: Path, port: int, deadline: float, program: Sequence[str]) -> Cloud:
    ready, told = os.pipe()
    command = [*program, str(directory), f"--port={port}", f"--ready-fd={told}", "--detach"]
    with os.fdopen(ready, "rb", buffering=0):
        try:
            process = _run(command, directory, told)
        except OSError as error:
            raise startup_error(error, directory, port) from error
        finally:
            os.close(told)
        try:
            answer = _read_line(ready, deadline)
        finally:
            _reap(process)
    return _started(directory, answer)


def _run(command: Sequence[str], directory: Path, inherited: int) -> "subprocess.Popen[bytes]":
    import subprocess

    with _new_log(directory) as log:
        return subprocess.Popen(  # noqa: S603 - this very program
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[2],  # where `-m` finds the package, installed or not
            pass_fds=(inherited,),
            start_new_session=True,
        )


def _new_log(directory: Path) -> IO[bytes]:
    path = directory / LOG
    with contextlib.suppress(FileNotFoundError):  # keeps the last words of a cloud that crashed
        path.replace(directory / f"{LOG}.1")
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    return os.fdopen(os.open(path, flags, 0o600), "ab")


def _read_line(descriptor: int, deadline: float) -> str | None:
    """Return the line the cloud sends, "" if it ended without one, None at the deadline."""
    import select

    text = b""
    while not text.endswith(b"\n"):
        left = max(0.0, deadline - time.monotonic())
        if not select.select([descriptor], [], [], left)[0]:
            return None
        chunk = os.read(descriptor, 4096)
        if not chunk:
            return ""
        text += chunk
    return text.decode().strip()


def _reap(process: "subprocess.Popen[bytes]") -> None:
    """Wait for the process that forks the cloud and ends; kill it if it does not get so far."""
    import subprocess

    try:
        process.wait(1.0)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _started(directory: Path, answer: str | None) -> Cloud:
    look = f"cat '{directory / LOG}'"
    if answer is None:
        holder = read_holder(directory)
        if holder is not None:
            _end(directory, holder, 0.0)
        raise CloudError(NOT_STARTED, "It was not ready in time.", look)
    failure = json.loads(answer) if answer else None
    if failure:
        raise CloudError(**failure)
    cloud = find(directory)
    if cloud is None:
        raise CloudError(NOT_STARTED, _last_words(directory), look)
    return cloud


def _last_words(directory: Path) -> str:
    try:
        lines = (directory / LOG).read_text("utf-8", "replace").split("\n")
    except OSError:
        lines = []
    spoken = [line.strip() for line in lines if line.strip()]
    return f"It ended with: {spoken[-1]}" if spoken else "It ended without a word."


def startup_error(error: Exception, directory: Path, port: int) -> CloudError:
    """Say in plain words why a cloud cannot start, and what to type next."""
    look, again = f"ls -ld '{directory}'", "labrunner cloud start"
    match error:
        case CloudError():
            return error
        case ModuleNotFoundError():
            why, again = f"It needs the package {error.name}.", "pip install 'labrunner[local]'"
        case OSError(errno=errno.EADDRINUSE):
            why = f"Another program listens on port {port}; without a port, a free one is taken."
        case OSError(errno=errno.EACCES | errno.EPERM, filename=None) | OverflowError():
            why = f"Port {port} is not one this user may take; without a port, a free one is taken."
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            why, again = f"The disk that holds {directory} is full.", f"df -h '{directory}'"
        case OSError(errno=errno.EROFS | errno.EACCES | errno.EPERM):
            why, again = f"{error.filename} cannot be written.", look
        case _:
            why, again = f"{type(error).__name__}: {error}.", f"cat '{directory / LOG}'"
    return CloudError(NOT_STARTED, why, again)


def _stop(directory: Path, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    holder = read_holder(directory)
    while holder == Holder(0, "") and time.monotonic() < deadline:
        time.sleep(PAUSE)
        holder = read_holder(directory)
    if holder is not None:
        _end(directory, holder, timeout)
    remove_files(directory, logs=True)
    return holder is not None


def _end(directory: Path, holder: Holder, timeout: float) -> None:
    """End the cloud in good order within the timeout, or else by force."""
    what = "The local cloud does not end."
    if holder.pid <= 1:  # as a target of kill, 0 would mean our own group
        why = f"The process that holds {directory / LOCK} does not say which it is."
        raise CloudError(what, why, f"fuser '{directory / LOCK}'")
    _signal(os.kill, holder, signal.SIGTERM)
    if not _is_released(directory, timeout):
        _signal(os.killpg, holder, signal.SIGKILL)
        if not _is_released(directory, KILL_SECONDS):
            raise CloudError(what, "kill -9 had no effect.", f"ps -fp {holder.pid}")
    _signal(os.killpg, holder, signal.SIGKILL)  # what it left in its group


def _signal(send: Callable[[int, int], None], holder: Holder, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        send(holder.pid, number)


def _is_released(directory: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while read_holder(directory) is not None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(PAUSE)
    return True
