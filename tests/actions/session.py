"""A process with one interactive session: `python -m tests.actions.session <json> [word…]`."""

import dataclasses
import fcntl
import json
import os
import sys
import termios
from pathlib import Path
from typing import Any

from labrunner.actions.shell import Connection, interactive
from labrunner.errors import Failure

FAILED = 99


def arguments(connection: Connection, program: str | None) -> str:
    """Return the first argument: where to connect, and the ssh program, none for paramiko."""
    fields = {**dataclasses.asdict(connection), "key_file": str(connection.key_file)}
    return json.dumps({"connection": fields, "program": program})


def _main(asked: dict[str, Any], command: list[str]) -> int:
    if os.isatty(0):
        # The terminal is to tell this process of a new size.
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    fields = asked["connection"]
    connection = Connection(**{**fields, "key_file": Path(fields["key_file"])})

    def find(_name: str) -> str | None:
        program: str | None = asked["program"]
        return program

    try:
        return interactive(connection, command, find=find, connect_timeout=asked.get("timeout", 2))
    except Failure as failure:
        told = {name: getattr(failure, name) for name in ("what", "why", "code", "next_command")}
        sys.stderr.write(json.dumps(told))
        return FAILED


if __name__ == "__main__":
    sys.exit(_main(json.loads(sys.argv[1]), sys.argv[2:]))
