"""What cloud-init does at a machine's first boot: user data, and the host keys on the console."""

import asyncio
import gzip
import io
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from labrunner.localcloud.machines.box import Box
from labrunner.localcloud.machines.pipes import read_all

SCRIPT = "/var/lib/cloud/instance/scripts/part-001"
USER_DATA = "/var/lib/cloud/instance/user-data.txt"
LOG = "/var/log/cloud-init-output.log"
MOST_CONSOLE = 65536  # of which EC2 keeps no more either
MOST_USER_DATA = 1024 * 1024
RULE = "#" * 61
# The first words of user data → what they announce, none of which is done here.
UNSUPPORTED = {
    b"#cloud-config": "cloud-config",
    b"#cloud-boothook": "boot hooks",
    b"#include": "include files",
    b"#part-handler": "part handlers",
    b"#upstart-job": "upstart jobs",
    b"## template:": "templates",
    b"Content-Type: multipart": "MIME multi-part archives",
    b"MIME-Version:": "MIME multi-part archives",
    b"<powershell>": "Windows PowerShell",
    b"<script>": "Windows scripts",
}


@dataclass
class Console:
    """The console of a machine: the last 64 KiB of what was written there."""

    _text: str = ""
    written: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def text(self) -> str:
        """What GetConsoleOutput shows."""
        return self._text

    def write(self, text: str) -> None:
        """Add to it."""
        self._text = (self._text + text)[-MOST_CONSOLE:]
        self.written = datetime.now(UTC)

    def say(self, text: str) -> None:
        """Add a line of the machine's own."""
        self.write(f"labrunner: {text}\n")


def plain(user_data: bytes) -> bytes:
    """Return user data unpacked; raises ValueError if it is compressed and broken, or too large."""
    if not user_data.startswith(b"\x1f\x8b"):
        return user_data
    try:
        with gzip.open(io.BytesIO(user_data)) as stream:
            found = stream.read(MOST_USER_DATA + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"the compressed user data cannot be read: {error}") from None
    if len(found) > MOST_USER_DATA:
        raise ValueError("the user data is too large")
    return found


def unsupported(user_data: bytes) -> str | None:
    """Return what user data asks for that the machine would not do, if it does."""
    start = user_data.lstrip()
    return next((what for words, what in UNSUPPORTED.items() if start.startswith(words)), None)


def host_keys(fingerprint: str, public: str, now: datetime) -> str:
    """Return the blocks that cloud-init writes to the console, of the one host key."""
    stamp = f"<14>{now:%b} {now.day:2d} {now:%H:%M:%S} cloud-init: "
    lines = [
        RULE,
        "-----BEGIN SSH HOST KEY FINGERPRINTS-----",
        fingerprint,
        "-----END SSH HOST KEY FINGERPRINTS-----",
        RULE,
    ]
    blocks = "".join(f"{stamp}{line}\n" for line in lines)
    keys = ("-----BEGIN SSH HOST KEY KEYS-----", public, "-----END SSH HOST KEY KEYS-----")
    return blocks + "".join(f"{line}\n" for line in keys)


async def run_user_data(
    box: Box, user_data: bytes, console: Console, now: Callable[[], datetime]
) -> int | None:
    """Run a script as root, as cloud-init does; returns its exit status, None if it is no script.

    What it prints goes to the machine's log and to the console.
    """
    files = await box.files("root")
    try:
        place = str(box.root) if not box.is_isolated else ""
        await files.write(place + USER_DATA, user_data, 0o600)
        script = plain(user_data)
        if not script.startswith(b"#!"):
            words = script[:24]
            console.write(
                f"__init__.py[WARNING]: Unhandled non-multipart user data: {words!r}...\n"
            )
            return None
        await files.write(place + SCRIPT, script, 0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        log = await files.open(place + LOG, flags, 0o644)
    finally:
        files.close()
    with os.fdopen(log, "ab", buffering=0) as stream:

        def write(text: str) -> None:
            stream.write(text.encode("utf-8", "replace"))
            console.write(text)

        return await _run_script(box, place + SCRIPT, write, now)


async def _run_script(
    box: Box, script: str, write: Callable[[str], None], now: Callable[[], datetime]
) -> int:
    began = now()
    write(f"Cloud-init running 'modules:final' at {began:%a, %d %b %Y %H:%M:%S +0000}.\n")
    read_end, write_end = os.pipe()
    null = os.open(os.devnull, os.O_RDONLY)
    try:
        running = await box.start(
            [script],
            user="root",
            cwd=None if not box.is_isolated else "/",
            files=[null, write_end, write_end],
        )
    except OSError as error:
        os.close(read_end)
        write(f"cc_scripts_user.py[WARNING]: Failed to run {script}: {error.strerror}\n")
        return 127
    finally:
        os.close(write_end)
        os.close(null)
    # A server that the script leaves running holds the pipe, and goes on writing to the log.
    copying = asyncio.create_task(read_all(read_end, lambda data: write(_text(data))))
    try:
        code = await running.wait()
        await asyncio.wait({copying}, timeout=0.2)
        if code != 0:
            text = f"Failed to run module scripts-user ({script} exited with {code})"
            write(f"cc_scripts_user.py[WARNING]: {text}\n")
        seconds = (now() - began).total_seconds()
        stamp = f"{now():%a, %d %b %Y %H:%M:%S +0000}"
        write(f"Cloud-init finished at {stamp}. Up {seconds:.2f} seconds\n")
        await copying
    finally:
        copying.cancel()
    return code


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
