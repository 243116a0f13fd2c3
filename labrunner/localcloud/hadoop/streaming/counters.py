"""Counters of a job, printed as Hadoop prints them."""

import threading
from collections import defaultdict
from collections.abc import Mapping

FILES = "File System Counters"
JOB = "Job Counters "
FRAMEWORK = "Map-Reduce Framework"
INPUT = "File Input Format Counters "
OUTPUT = "File Output Format Counters "
SHUFFLE = "Shuffle Errors"
ORDER = (FILES, JOB, FRAMEWORK, INPUT, OUTPUT)
# Printed even when they are zero.
ALWAYS = {
    FRAMEWORK: ("Map input records", "Map output records"),
    JOB: ("Launched map tasks",),
}


class Counters:
    """Numbers by group and name; safe for threads."""

    def __init__(self) -> None:
        self._values: defaultdict[str, defaultdict[str, int]] = defaultdict(
            lambda: defaultdict(int)
        )
        self._lock = threading.Lock()

    def add(self, group: str, name: str, amount: int = 1) -> None:
        """Add to one."""
        with self._lock:
            self._values[group][name] += amount

    def add_all(self, found: Mapping[tuple[str, str], int]) -> None:
        """Add those of an attempt that succeeded."""
        for (group, name), amount in found.items():
            self.add(group, name, amount)

    def __str__(self) -> str:
        lines, count = [], 0
        for group, names in ALWAYS.items():
            for name in names:
                self.add(group, name, 0)
        rest = sorted(self._values.keys() - set(ORDER))
        for group in (*ORDER, *rest):
            values = self._values.get(group)
            if values:
                lines.append(f"\t{group}\n")
                lines += [f"\t\t{name}={value}\n" for name, value in values.items()]
                count += len(values)
        return f"Counters: {count}\n{''.join(lines)}"
