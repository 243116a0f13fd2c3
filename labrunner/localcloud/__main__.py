"""The process of the local cloud: `python -m labrunner.localcloud DIRECTORY`.

It ends when it is asked to, when nothing lives in it and nobody called for the idle limit, and when
its directory is deleted; what it started ends with it.
"""

import argparse
import contextlib
import faulthandler
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn, Protocol

from labrunner.localcloud.daemon import WORK, CloudError, prepare, remove_files, startup_error
from labrunner.localcloud.process import (
    CHILDREN,
    LOCK,
    RECORD,
    Cloud,
    Record,
    acquire,
    close_in_forks,
    is_at,
    read_record,
    write_record,
)

REGION = "us-east-1"
IDLE_SECONDS = 3600.0
TICK_SECONDS = 1.0
LOCK_SECONDS = 2.0  # others hold it for an instant, to see whether it is free
SHUTDOWN_SECONDS = 3.0
GRACE_SECONDS = 2.0
BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@dataclass(frozen=True)
class Identity:
    """Who a cloud is: made anew, at random, for each."""

    cloud_id: str
    access_key: str
    secret_key: str
    region: str
    account: str
    directory: Path


class Server(Protocol):
    """The part of the server that this process drives."""

    @property
    def port(self) -> int: ...
    @property
    def idle_seconds(self) -> float: ...
    @property
    def is_empty(self) -> bool: ...
    def serve_forever(self) -> None: ...
    def shutdown(self) -> None: ...


MakeServer = Callable[[Identity, int], Server]


@dataclass(frozen=True)
class Options:
    """The command line."""

    directory: Path
    port: int
    idle_seconds: float
    ready_fd: int | None
    detach: bool


@dataclass(frozen=True)
class Home:
    """The directory of this cloud, and the lock that makes it this cloud's."""

    directory: Path
    lock: int

    def is_ours(self) -> bool:
        """Whether the directory is still there, and is the one this cloud started in."""
        return is_at(self.directory / LOCK, self.lock)


class Wake:
    """Wakes the main thread, from signal handlers and from threads."""

    def __init__(self) -> None:
        self._inbox, self._outbox = socket.socketpair()
        self._outbox.settimeout(0.0)

    def __call__(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        with contextlib.suppress(OSError):
            self._outbox.send(b".")

    def wait(self, seconds: float) -> bool:
        """Sleep until woken, and say whether it was that and not the time."""
        self._inbox.settimeout(seconds)
        try:
            return bool(self._inbox.recv(1))
        except TimeoutError:
            return False


def real_server(identity: Identity, port: int) -> Server:
    """Return the server of the local cloud, listening already."""
    os.environ["MOTO_ACCOUNT_ID"] = identity.account  # read by moto at each call
    from labrunner.localcloud.server import Server as LocalServer
    from labrunner.localcloud.server import Settings

    settings = Settings(
        access_key=identity.access_key,
        secret_key=identity.secret_key,
        region=identity.region,
        account=identity.account,
        cloud_id=identity.cloud_id,
        directory=identity.directory,
    )
    return LocalServer(settings, port=port)


def run(make_server: MakeServer = real_server) -> NoReturn:
    """Run a cloud as this process's whole life."""
    try:
        code = main(sys.argv[1:], make_server)
    except Exception:  # noqa: BLE001 - the log is where it belongs
        _say(traceback.format_exc())
        code = 1
    os._exit(code)  # a thread of a library that never ends must not keep the lock


def main(argv: Sequence[str], make_server: MakeServer) -> int:
    """Serve until it is time to end; a failure to start goes to the log and to the starter."""
    options = _parse(argv)
    _stand_alone(options)
    try:
        identity = _identity(options.directory)
        home = _move_in(options.directory, identity.cloud_id)
        server = make_server(identity, options.port)
        wake = _listen_to_signals()
        serving = threading.Thread(target=_serve, args=(server, wake), daemon=True)
        serving.start()
        record = Record(_describe(identity, server), fixed_port=options.port != 0)
        write_record(home.directory, record)
    except Exception as error:  # noqa: BLE001 - whatever it is, the starter must be told
        _tell_starter(options, startup_error(error, options.directory, options.port))
        _say(traceback.format_exc())
        return 1
    _tell_starter(options, None)
    why = watch(
        server,
        idle_limit=options.idle_seconds,
        wait=wake.wait,
        look_after=lambda: _look_after(home, record),
    )
    _say(f"ending: {why}")
    _leave(home, server, serving)
    return 0


def watch(
    server: Server,
    *,
    idle_limit: float,
    wait: Callable[[float], bool],
    look_after: Callable[[], bool],
) -> str:
    """Return why the cloud is to end, once it is; `look_after` is false when its home is gone."""
    while not wait(TICK_SECONDS):
        if not look_after():
            return "its directory is gone"
        if server.idle_seconds >= idle_limit and server.is_empty:
            return f"nothing lives in it, and nobody called for {idle_limit:g} s"
    return "it was asked to, or its server ended"


def _parse(argv: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m labrunner.localcloud", description=__doc__)
    parser.add_argument("directory", type=Path, help="where the cloud keeps its files")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; default: a free one")
    parser.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS)
    parser.add_argument("--ready-fd", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--detach", action="store_true", help="go on in the background")
    values = parser.parse_args(argv)
    values.directory = values.directory.absolute()
    return Options(**vars(values))


def _stand_alone(options: Options) -> None:
    if options.ready_fd is not None:
        os.set_inheritable(options.ready_fd, False)  # noqa: FBT003 - it takes no names
    if options.detach and os.fork():
        os._exit(0)  # the starter has no child to wait for, and the cloud no parent
    if os.getpgrp() != os.getpid():
        os.setsid()
    os.umask(0o077)
    faulthandler.enable()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # no credentials for the real AWS where labs run their code


def _move_in(directory: Path, cloud_id: str) -> Home:
    prepare(directory)
    lock = acquire(directory / LOCK, time.monotonic() + LOCK_SECONDS)
    if lock is None:
        why = f"Another one already runs in {directory}."
        raise CloudError("The local cloud did not start.", why, "labrunner cloud status")
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()} {cloud_id}\n".encode(), 0)
    close_in_forks(lock)
    CHILDREN.guard_own_group()
    os.chdir(directory)
    remove_files(directory, logs=False)  # of a cloud that was killed
    (directory / WORK).mkdir(mode=0o700)
    return Home(directory, lock)


def _identity(directory: Path) -> Identity:
    return Identity(
        cloud_id=secrets.token_hex(8),
        access_key="AKIA" + _random(BASE32, 16),
        secret_key=_random(BASE64, 40),
        region=REGION,
        account=str(10**11 + secrets.randbelow(9 * 10**11)),
        directory=directory / WORK,
    )


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _describe(identity: Identity, server: Server) -> Cloud:
    return Cloud(
        id=identity.cloud_id,
        endpoint=f"http://127.0.0.1:{server.port}",
        pid=os.getpid(),
        access_key=identity.access_key,
        secret_key=identity.secret_key,
        region=identity.region,
        account=identity.account,
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def _listen_to_signals() -> Wake:
    wake = Wake()
    signal.signal(signal.SIGTERM, wake)
    signal.signal(signal.SIGINT, wake)
    # A handler that does nothing, since children inherit SIG_IGN, and their shells need the signal.
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)
    return wake


def _serve(server: Server, wake: Wake) -> None:
    try:
        server.serve_forever()
    finally:
        wake()


def _tell_starter(options: Options, error: CloudError | None) -> None:
    if options.ready_fd is None:
        return
    failure = {"what": error.what, "why": error.why, "next": error.next} if error else None
    with contextlib.suppress(BrokenPipeError):  # the starter was killed; the next one finds us
        os.write(options.ready_fd, f"{json.dumps(failure)}\n".encode())
    os.close(options.ready_fd)


def _look_after(home: Home, record: Record) -> bool:
    CHILDREN.sweep()
    if not home.is_ours():
        return False
    if read_record(home.directory) != record:  # somebody damaged it: nobody would find us
        with contextlib.suppress(OSError):
            write_record(home.directory, record)
    return True


def _leave(home: Home, server: Server, serving: threading.Thread) -> None:
    if home.is_ours():  # first, so that nobody finds a cloud that is about to end
        (home.directory / RECORD).unlink(missing_ok=True)
    # In a thread, because a call that hangs must not keep the cloud from ending.
    closing = threading.Thread(target=_close, args=(server, serving), daemon=True)
    closing.start()
    closing.join(SHUTDOWN_SECONDS)
    CHILDREN.end(GRACE_SECONDS)
    if home.is_ours():
        shutil.rmtree(home.directory / WORK, ignore_errors=True)


def _close(server: Server, serving: threading.Thread) -> None:
    server.shutdown()
    serving.join()


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # a full disk must not keep it from ending well
        sys.stderr.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {text}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    if sys.path[0] in sys.path[1:]:
        del sys.path[0]  # site-packages, put first by `-m`, would come before Python's own modules
    run()
