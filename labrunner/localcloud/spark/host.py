"""Where applications of Spark run: the host of the cloud itself."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol

from labrunner.localcloud.process import CHILDREN
from labrunner.localcloud.spark.endpoint import listen
from labrunner.localcloud.spark.installation import Installation
from labrunner.localcloud.spark.launch import LOG, SCRATCH, SETTINGS, Launch, Place

CHUNK = 1 << 16
END_SECONDS = 10.0
PRIVATE = (SETTINGS, SCRATCH)

Write = Callable[[bytes], None]
Spawn = Callable[..., "subprocess.Popen[bytes]"]


class Host(Protocol):
    """A host, or a machine of the local cloud, that runs one application at a time."""

    @property
    def place(self) -> Place:
        """What an application finds there."""

    def listen(self) -> socket.socket:
        """Return a socket that listens at 127.0.0.1 there."""

    def run(self, launch: Launch, out: Write, err: Write, cancelled: threading.Event) -> int:
        """Run an application, end it when it is cancelled, and return its exit status."""

    def wake(self) -> None:
        """Make `run` look whether it was cancelled."""


class ThisHost:
    """The host of the cloud, on which an application is a child that ends with the cloud.

    It can do what the user of the cloud can do, only not see the cloud's environment: for scripts
    of SQL, and for programs that are trusted. Those of learners belong into a machine.
    `directory` is for the metastore, logs and temporary files.
    """

    def __init__(
        self, directory: Path, installation: Installation, spawn: Spawn = CHILDREN.spawn
    ) -> None:
        self._directory = directory.resolve()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._installation = installation
        self._spawn = spawn
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled: threading.Event | None = None

    @property
    def place(self) -> Place:
        """What an application finds here."""
        found = self._installation
        return Place(
            spark=str(found.home),
            java=str(found.java_home),
            python=found.python,
            python_path=found.python_path,
            directory=str(self._directory),
            hostname=socket.gethostname(),
        )

    @property
    def log(self) -> Path:
        """The log of the last application's driver."""
        return self._directory / LOG

    def listen(self) -> socket.socket:
        """Return a socket that listens."""
        return listen()

    def run(self, launch: Launch, out: Write, err: Write, cancelled: threading.Event) -> int:
        """Run an application and return its exit status."""
        self._clean()
        self.log.unlink(missing_ok=True)
        for path, data in launch.files.items():
            _write_private(Path(path), data)
        try:
            return self._run(launch, out, err, cancelled)
        finally:
            self._clean()

    def wake(self) -> None:
        """End what runs if it was cancelled."""
        with self._lock:
            cancelled = self._cancelled is not None and self._cancelled.is_set()
            if self._process is not None and cancelled:
                _kill(self._process)

    def _run(self, launch: Launch, out: Write, err: Write, cancelled: threading.Event) -> int:
        path = os.environ.get("PATH", os.defpath)
        env = {"PATH": path, "LANG": "C.UTF-8", "HOME": str(self._directory), **launch.env}
        process = self._spawn(
            launch.argv,
            env=env,
            cwd=launch.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            umask=0o077,
        )
        with self._lock:
            self._process, self._cancelled = process, cancelled
        self.wake()
        pipes = ((process.stdout, out), (process.stderr, err))
        readers = [threading.Thread(target=_pass_on, args=one, daemon=True) for one in pipes]
        for one in readers:
            one.start()
        try:
            code = process.wait()
        finally:
            with self._lock:
                self._process = None
            _kill(process)  # what a program left running
            for one in readers:
                one.join(END_SECONDS)
            CHILDREN.sweep()
        return code if code >= 0 else 128 - code

    def _clean(self) -> None:
        for name in PRIVATE:
            shutil.rmtree(self._directory / name, ignore_errors=True)
            (self._directory / name).mkdir(mode=0o700, exist_ok=True)


def _write_private(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(data)


def _pass_on(pipe: IO[bytes], write: Write) -> None:
    with pipe:
        while data := os.read(pipe.fileno(), CHUNK):
            write(data)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    # Its group, which bears its number even after it has ended.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
