"""What commands cost: wall and CPU seconds of whole processes, in rounds, and their ratios."""

import contextlib
import os
import platform
import pty
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

_ROWS, _COLUMNS = 24, 80


@dataclass(frozen=True)
class Cost:
    """Seconds; `cpu` is user and system time of a process and of all that it waited for."""

    wall: float
    cpu: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.wall + other.wall, self.cpu + other.cpu)


@dataclass(frozen=True)
class Case:
    """Commands that are measured together, one after the other."""

    name: str
    commands: Sequence[Sequence[str]]
    env: Mapping[str, str]
    terminal: bool = False

    def run(self) -> Cost:
        """Run the commands and return what they cost; ends the process when one fails."""
        costs = [_run(command, self.env, terminal=self.terminal) for command in self.commands]
        return sum(costs, start=Cost(0, 0))


def _run(command: Sequence[str], env: Mapping[str, str], *, terminal: bool) -> Cost:
    with tempfile.TemporaryFile() as errors, _output(terminal=terminal) as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=errors
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            said = errors.read().decode(errors="replace")
            sys.exit(f"{' '.join(command)} ended with {process.returncode}\n{said}")
    return Cost(wall, used.ru_utime + used.ru_stime)


@contextlib.contextmanager
def _output(*, terminal: bool) -> Iterator[int]:
    if not terminal:
        yield subprocess.DEVNULL
        return
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (_ROWS, _COLUMNS))
    reader = threading.Thread(target=_drain, args=[master], daemon=True)
    reader.start()
    try:
        yield slave
    finally:
        os.close(slave)
        reader.join()
        os.close(master)


def _drain(master: int) -> None:
    # Linux ends a terminal that nobody writes to any more with an error.
    with contextlib.suppress(OSError):
        while os.read(master, 65536):
            pass


def in_turn(
    cases: Sequence[Case], rounds: int, before: Callable[[], None] = lambda: None
) -> dict[str, list[Cost]]:
    """Run all cases, one after the other, so many times, and return the costs of each by name.

    `before` is called before each round, untimed.
    """
    costs: dict[str, list[Cost]] = {case.name: [] for case in cases}
    for number in range(rounds):
        before()
        for case in cases:
            _say(f"round {number + 1} of {rounds}: {case.name}")
            costs[case.name].append(case.run())
    _say("")
    return costs


def _say(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text:<75}\r")
        sys.stderr.flush()


def ratios(costs: Mapping[str, Sequence[Cost]], name: str, base: str) -> list[float]:
    """Return the wall time of one case over another's, round by round."""
    pairs = zip(costs[name], costs[base], strict=True)
    return [one.wall / other.wall for one, other in pairs]


def table(costs: Mapping[str, Sequence[Cost]], base: str) -> str:
    """Return medians and least values as Markdown; ratios are to `base` in the same round."""
    rows = [
        "| process | wall, ms | least | ratio | its range | CPU, ms | least | ratio |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, measured in costs.items():
        walls = [cost.wall for cost in measured]
        cpus = [cost.cpu for cost in measured]
        wall_ratios = ratios(costs, name, base)
        cpu_ratios = [a.cpu / b.cpu for a, b in zip(measured, costs[base], strict=True)]
        cells = [
            f"{median(walls) * 1000:.0f}",
            f"{min(walls) * 1000:.0f}",
            f"{median(wall_ratios):.2f}",
            f"{min(wall_ratios):.2f} to {max(wall_ratios):.2f}",
            f"{median(cpus) * 1000:.0f}",
            f"{min(cpus) * 1000:.0f}",
            f"{median(cpu_ratios):.2f}",
        ]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def machine() -> str:
    """Return the machine and the versions, as lines of Markdown."""
    packages = ("labrunner", "boto3", "botocore", "awscli", "moto", "pydantic", "typer", "rich")
    return "\n".join(
        [
            f"- {_processor()}, {os.cpu_count()} cores; {platform.platform()}",
            f"- {platform.python_implementation()} {platform.python_version()}; "
            + ", ".join(f"{name} {version(name)}" for name in packages),
        ]
    )


def load() -> str:
    """Return how many processes wanted to run in the last 1, 5 and 15 minutes."""
    return ", ".join(f"{one:.2f}" for one in os.getloadavg())


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
