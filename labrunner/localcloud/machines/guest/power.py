"""The programs `shutdown`, `poweroff`, `halt` and `reboot` of a machine."""

import os
import sys

from .powers import call

NOW = ("now", "+0")


def main() -> None:
    """Ask the machine to end; the first argument is the name of the program."""
    name, *arguments = sys.argv[1:]
    if os.getuid() != 0:
        sys.exit(f"{name}: must be root: sudo {name} {' '.join(arguments)}".rstrip())
    flags = [one for one in arguments if one.startswith("-")]
    times = [one for one in arguments if not one.startswith("-")]
    unknown = set(flags) - {"-h", "-P", "-H", "-r", "-f", "--reboot", "--poweroff", "--halt"}
    if unknown or (times and times[0] not in NOW):
        sys.exit(f"{name}: only at once, and with -h, -P or -r: {name} -h now")
    again = name == "reboot" or {"-r", "--reboot"} & set(flags)
    call({"power": "reboot" if again else "off"}).recv(1)
