"""What the cloud's process and its clients share: the record, the locks, and the children."""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    import subprocess

RECORD = "cloud.json"
LOCK = "cloud.lock"
PAUSE = 0.01

# Ends when the pipe on its input closes, which even a killed process does, and takes every group
# it was told of along. A shell, because it is small and starts in a millisecond; not
# PR_SET_PDEATHSIG, which fires when the thread that started the child ends.
WATCHDOG = """
groups=" "
while read -r op group; do
  case $op in
    +) groups="$groups$group " ;;
    -) kept=" "
       for g in $groups; do [ "$g" = "$group" ] || kept="$kept$g "; done
       groups=$kept ;;
  esac
done
for g in $groups; do kill -KILL "-$g"; done
"""


@dataclass(frozen=True)
class Cloud:
    """A live local cloud: where it listens, and the credentials it accepts."""

    id: str
    endpoint: str
    pid: int
    access_key: str
    secret_key: str = field(repr=False)
    region: str
    account: str
    started_at: str

    @property
    def port(self) -> int:
        """The loopback port of the endpoint."""
        return int(self.endpoint.rpartition(":")[2])


@dataclass(frozen=True)
class Record:
    """What `cloud.json` holds: the cloud, and whether its port was asked for."""

    cloud: Cloud
    fixed_port: bool


@dataclass(frozen=True)
class Holder:
    """Who holds `cloud.lock`; pid 0 while the holder has not said so yet."""

    pid: int
    cloud_id: str


# ---- the record


def read_record(directory: Path) -> Record | None:
    """Return what `cloud.json` says, live or not; None if it is missing, broken or not ours."""
    if sys.platform == "win32":
        return None
    try:
        descriptor = os.open(directory / RECORD, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            if os.fstat(descriptor).st_uid != os.geteuid():
                return None
            return _parse_record(json.loads(file.read()))
    except (OSError, ValueError, RecursionError):
        return None


def _parse_record(values: Any) -> Record | None:
    try:
        cloud = Cloud(**values["cloud"])
        fields = asdict(cloud)
        typed = type(fields.pop("pid")) is int and all(type(v) is str for v in fields.values())
        # A loopback address only: a forged record must not send calls elsewhere.
        if typed and cloud.endpoint == f"http://127.0.0.1:{cloud.port}":
            return Record(cloud, values["fixed_port"] is True)
    except (AttributeError, LookupError, TypeError, ValueError):
        pass
    return None


def write_record(directory: Path, record: Record) -> None:
    """Write `cloud.json` whole or not at all; only the holder of the lock may."""
    temporary = directory / f"{RECORD}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(record), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(directory / RECORD)


# ---- locks


def acquire(path: Path, deadline: float) -> int | None:
    """Return a descriptor that holds the lock until it is closed, or None at the deadline."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        if try_lock(descriptor) and is_at(path, descriptor):
            return descriptor
        os.close(descriptor)
        if time.monotonic() >= deadline:
            return None
        time.sleep(PAUSE)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Lock an open file if nobody else has; a shared lock is for asking whether one does."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_at(path: Path, descriptor: int) -> bool:
    """Whether the path still leads to this open file, and was not deleted or replaced."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except OSError:
        return False


def read_holder(directory: Path) -> Holder | None:
    """Return who holds the lock of the cloud, or None if it is free: no cloud lives there."""
    try:
        descriptor = os.open(directory / LOCK, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if try_lock(descriptor, shared=True):
            return None
        pid, _, cloud_id = os.read(descriptor, 200).decode("ascii", "replace").partition(" ")
    finally:
        os.close(descriptor)
    # The text of an earlier holder stays for an instant: a pid that leads no group is not it.
    known = pid.isdecimal() and cloud_id.endswith("\n") and _leads_a_group(int(pid))
    return Holder(int(pid), cloud_id.strip()) if known else Holder(0, "")


def _leads_a_group(pid: int) -> bool:
    try:
        return pid > 1 and os.getpgid(pid) == pid
    except (OSError, OverflowError):
        return False


def close_in_forks(descriptor: int) -> None:
    """Keep a lock or a pipe to this process alone, also when a library forks it without exec."""

    def close() -> None:
        with contextlib.suppress(OSError):
            os.close(descriptor)

    os.register_at_fork(after_in_child=close)


# ---- children


class Children:
    """The process groups this process started, ended with it however it ends."""

    def __init__(
        self, start_watchdog: "Callable[[], subprocess.Popen[bytes]] | None" = None
    ) -> None:
        self._start_watchdog = start_watchdog or _start_watchdog
        self._lock = threading.Lock()
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._own_group: int | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    def guard_own_group(self) -> None:
        """Let the group that this process leads die with it, whoever started its members."""
        with self._lock:
            self._own_group = os.getpgrp()
            self._tell("+", self._own_group)

    def spawn(self, command: Sequence[str | Path], **options: Any) -> "subprocess.Popen[bytes]":
        """Start a child in a session of its own that ends with this process, even by kill -9.

        The options are those of `subprocess.Popen`; a shell that waits on a pipe from this process
        does the killing, on Linux and macOS alike.
        """
        import subprocess

        with self._lock:
            self._sweep()
            options["start_new_session"] = True
            child = subprocess.Popen(command, **options)  # noqa: S603 - the engine's own words
            self._children[child.pid] = child
            self._tell("+", child.pid)
            return child

    def sweep(self) -> None:
        """Forget the groups that have ended, so that a number used again is never killed."""
        with self._lock:
            self._sweep()

    def end(self, grace: float) -> None:
        """Ask all groups to end, and kill those that have not when the grace is over."""
        deadline = time.monotonic() + grace
        self._signal_all(signal.SIGTERM)
        while self._living() and time.monotonic() < deadline:
            time.sleep(PAUSE)
        self._signal_all(signal.SIGKILL)
        self.sweep()

    def _living(self) -> bool:
        self.sweep()
        return bool(self._children)

    def _signal_all(self, number: int) -> None:
        with self._lock:
            for group in self._children:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, number)

    def _sweep(self) -> None:
        for group, child in list(self._children.items()):
            child.poll()
            if not _is_group(group):
                del self._children[group]
                self._tell("-", group)

    def _tell(self, word: str, group: int) -> None:
        try:
            self._write(word, group)
        except BrokenPipeError:  # somebody killed the watchdog: start another, tell it everything
            self._watchdog = None
            for known in {self._own_group, *self._children} - {None}:
                self._write("+", known)

    def _write(self, word: str, group: int | None) -> None:
        if self._watchdog is None:
            self._watchdog = self._start_watchdog()
        assert self._watchdog.stdin is not None
        self._watchdog.stdin.write(f"{word} {group}\n".encode())


def _start_watchdog() -> "subprocess.Popen[bytes]":
    import subprocess

    watchdog = subprocess.Popen(  # noqa: S603 - the constant above
        ["/bin/sh", "-c", WATCHDOG],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd="/",
        start_new_session=True,  # a signal to the group it watches must not end it
    )
    assert watchdog.stdin is not None
    close_in_forks(watchdog.stdin.fileno())
    return watchdog


def _is_group(group: int) -> bool:
    """Whether the group has any member left, a grandchild or one not yet waited for included."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


CHILDREN = Children()
spawn = CHILDREN.spawn
