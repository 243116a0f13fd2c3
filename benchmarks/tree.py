"""What a command and all processes that it starts cost, memory at its highest included. Linux."""

import os
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

PROC = Path("/proc")
# Reading the memory of a large process takes some milliseconds.
EVERY_SECONDS = 0.1
KIB = 1024


@dataclass(frozen=True)
class Usage:
    """Seconds, and MiB at one time.

    `cpu` is of all processes that were waited for. `memory` is the sum of proportional set sizes:
    what processes share is counted once.
    """

    wall: float
    cpu: float
    memory: float


def measure(command: Sequence[str], env: Mapping[str, str]) -> Usage:
    """Run a command and return what it took; ends this process when it fails."""
    with tempfile.TemporaryFile() as said:
        started = perf_counter()
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        ended = threading.Event()
        most = [0.0]
        watching = threading.Thread(target=_watch, args=(process.pid, ended, most))
        watching.start()
        _, status, used = os.wait4(process.pid, 0)
        wall = perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        ended.set()
        watching.join()
        if process.returncode:
            said.seek(0)
            text = said.read().decode(errors="replace")[-4000:]
            sys.exit(f"{' '.join(command)} ended with {process.returncode}\n{text}")
    return Usage(wall, used.ru_utime + used.ru_stime, most[0])


def _watch(root: int, ended: threading.Event, most: list[float]) -> None:
    while not ended.wait(EVERY_SECONDS):
        most[0] = max(most[0], sum(_memory(one) for one in _tree(root)))


def _tree(root: int) -> Iterator[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for one in PROC.iterdir():
        if one.name.isdecimal() and (parent := _parent(one)):
            children[parent].append(int(one.name))
    left = [root]
    while left:
        found = left.pop()
        yield found
        left += children[found]


def _parent(process: Path) -> int:
    try:
        # The name before it may hold anything, a parenthesis too.
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _memory(process: int) -> float:
    try:
        text = (PROC / str(process) / "smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / KIB for line in text.splitlines() if "Pss:" in line), 0.0)
