"""Closes the doors to the kernel that the sandbox leaves open where the cloud runs as root.

The machine's root is then the host's root by number, so it owns the device nodes and the files in
/proc that steer the host. They are mounted read-only, as in containers, and the power to undo that
is given up before the first command runs.
"""

import ctypes
import os
import struct
from pathlib import Path

READ_ONLY = ("bus", "fs", "irq", "mtrr", "sys", "sysrq-trigger")
HIDDEN = ("acpi", "kcore", "keys", "latency_stats", "sched_debug", "scsi", "timer_list")
DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
EMPTY, EMPTY_DIRECTORY = "/dev/null", "/dev/empty"
BIND, REMOUNT, RDONLY, NOSUID, NODEV, NOEXEC, RECURSIVE = 4096, 32, 1, 2, 4, 8, 16384
CAP_SYS_ADMIN, CAP_SETPCAP = 21, 8
DROP_BOUNDING, AMBIENT, LOWER = 24, 47, 3
CAPABILITY_VERSION_3 = 0x20080522


class Kernel:
    """The few system calls that Python has no function for."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def mount(self, source: str, target: str, flags: int) -> None:
        """Mount; raises OSError."""
        self._check(self._libc.mount(source.encode(), target.encode(), None, flags, None))

    def control(self, *arguments: int) -> None:
        """Call prctl; raises OSError."""
        wide = [ctypes.c_ulong(one) for one in (*arguments, 0, 0, 0, 0)[:5]]
        self._check(self._libc.prctl(*wide))

    def drop(self, *capabilities: int) -> None:
        """Give up capabilities of this process and of all that it starts; raises OSError."""
        for one in capabilities:
            self.control(AMBIENT, LOWER, one)
        for one in capabilities:
            self.control(DROP_BOUNDING, one)
        header = struct.pack("Ii", CAPABILITY_VERSION_3, 0)
        data = ctypes.create_string_buffer(24)
        self._check(self._libc.capget(header, data))
        sets = list(struct.unpack("6I", data.raw))
        for one in capabilities:
            for word in range(3):  # effective, permitted, inheritable; all below 32
                sets[word] &= ~(1 << one)
        self._check(self._libc.capset(header, struct.pack("6I", *sets)))

    def _check(self, result: int) -> None:
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def seal(kernel: Kernel) -> None:
    """Close them; raises OSError, and then the machine must not be used."""
    for name in READ_ONLY:
        path = f"/proc/{name}"
        if Path(path).exists():
            kernel.mount(path, path, BIND | RECURSIVE)
            kernel.mount(path, path, BIND | REMOUNT | RDONLY | NOSUID | NODEV | NOEXEC)
    for name in HIDDEN:
        path = f"/proc/{name}"
        if Path(path).is_dir():
            kernel.mount(EMPTY_DIRECTORY, path, BIND)
        elif Path(path).exists():
            kernel.mount(EMPTY, path, BIND)
            kernel.mount(EMPTY, path, BIND | REMOUNT | RDONLY | NOSUID)
    for name in DEVICES:
        path = f"/dev/{name}"
        kernel.mount(path, path, BIND | REMOUNT | RDONLY | NOSUID)
    kernel.drop(CAP_SYS_ADMIN, CAP_SETPCAP)
