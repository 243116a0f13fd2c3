"""Runs the program of a mapper, combiner or reducer on a node, as Hadoop's PipeMapRed does."""

import contextlib
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import BinaryIO

from labrunner.localcloud.hadoop.errors import HadoopError
from labrunner.localcloud.hadoop.nodes import Node, Process

RUNTIME = "java.lang.RuntimeException"
REPORT = re.compile(rb"reporter:counter:([^,]+),([^,]+),(-?\d+)\s*$")
TOLD = 4000  # bytes of standard error that a failure shows
WRITE_BYTES = 1 << 16
STDERR = "/var/log/hadoop-yarn/containers"
APPENDING = os.O_WRONLY | os.O_CREAT | os.O_APPEND


@dataclass
class Container:
    """Where one attempt runs: a directory of a node; what it counted, and the end of its errors."""

    node: Node
    name: str
    application: str
    directory: str
    environment: Mapping[str, str]
    on_start: Callable[[Process], None] = lambda _: None
    on_log: Callable[[str], None] = lambda _: None
    counted: Counter[tuple[str, str]] = field(default_factory=Counter)
    complaints: bytes = b""

    def count(self, group: str, name: str, amount: int = 1) -> None:
        """Add to a counter of the attempt."""
        self.counted[group, name] += amount

    @property
    def log(self) -> str:
        """The file of the node that has the program's standard error."""
        return f"{STDERR}/{self.application}/{self.name}/stderr"


def pipe(
    container: Container, command: list[str], feed: Iterable[bytes], *, lenient: bool = False
) -> Iterator[bytes]:
    """Feed a program and yield the lines it writes; raises HadoopError where it fails."""
    process = _start(container, command)
    container.on_start(process)
    trouble: list[BaseException] = []
    feeder = threading.Thread(target=_feed, args=(process, feed, trouble), daemon=True)
    listener = threading.Thread(target=_listen, args=(process, container), daemon=True)
    feeder.start()
    listener.start()
    is_whole = False
    try:
        with process.stdout as lines:
            yield from lines
        is_whole = True
    finally:
        if not is_whole:
            with contextlib.suppress(OSError):
                process.kill()
        code = process.wait()
        feeder.join()
        listener.join()
    if trouble:
        raise trouble[0]
    if code and not lenient:
        status = 128 - code if code < 0 else code
        text = f"PipeMapRed.waitOutputThreads(): subprocess failed with code {status}"
        raise HadoopError(RUNTIME, text)


def _start(container: Container, command: list[str]) -> Process:
    env = dict(container.environment)
    env["PATH"] = f"{container.directory}:{env['PATH']}"
    program, *arguments = command
    # A script that was shipped is found in the directory even where it is not executable.
    if "/" in program and not program.startswith("/"):
        program = str(PurePosixPath(container.directory) / program)
    try:
        return container.node.start([program, *arguments], cwd=container.directory, env=env)
    except (FileNotFoundError, PermissionError) as error:
        text = f'Cannot run program "{program}": error={error.errno}, {error.strerror}'
        raise HadoopError("java.io.IOException", text) from None


def _feed(process: Process, feed: Iterable[bytes], trouble: list[BaseException]) -> None:
    buffer = bytearray()
    try:
        with process.stdin as stream:
            for data in feed:
                buffer += data
                if len(buffer) >= WRITE_BYTES:
                    _write(stream, buffer)
            _write(stream, buffer)
    except BrokenPipeError:
        pass  # it read as much as it wanted
    except Exception as error:  # noqa: BLE001 - of the input: told once the program has ended
        trouble.append(error)


def _write(stream: BinaryIO, buffer: bytearray) -> None:
    view = memoryview(bytes(buffer))
    buffer.clear()
    while view:
        view = view[stream.write(view) :]


def _listen(process: Process, container: Container) -> None:
    """Keep what it complains of, and count what it reports."""
    with process.stderr as stream, contextlib.ExitStack() as stack:
        log: BinaryIO | None = None
        for line in stream:
            match = REPORT.match(line)
            if match is not None:
                group, name = (part.decode("utf-8", "replace") for part in match.groups()[:2])
                container.count(group, name, int(match[3]))
            elif not line.startswith(b"reporter:status:"):
                container.complaints = (container.complaints + line)[-TOLD:]
                if log is None:
                    path = container.node.place(container.log)
                    log = stack.enter_context(container.node.create(path, flags=APPENDING))
                    container.on_log(container.log)
                log.write(line)
