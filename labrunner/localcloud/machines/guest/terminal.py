"""The settings of a terminal, as an SSH client sends them (RFC 4254, section 8)."""

import contextlib
import fcntl
import struct
import termios
from collections.abc import Mapping

CHARACTERS = {
    1: termios.VINTR,
    2: termios.VQUIT,
    3: termios.VERASE,
    4: termios.VKILL,
    5: termios.VEOF,
    8: termios.VSTART,
    9: termios.VSTOP,
    10: termios.VSUSP,
}
# The opcode → which of the four sets of flags, and the flag.
INPUT, OUTPUT, LOCAL = 0, 1, 3
FLAGS = {
    34: (INPUT, termios.INLCR),
    35: (INPUT, termios.IGNCR),
    36: (INPUT, termios.ICRNL),
    38: (INPUT, termios.IXON),
    42: (INPUT, getattr(termios, "IUTF8", 0x4000)),
    50: (LOCAL, termios.ISIG),
    51: (LOCAL, termios.ICANON),
    53: (LOCAL, termios.ECHO),
    54: (LOCAL, termios.ECHOE),
    55: (LOCAL, termios.ECHOK),
    56: (LOCAL, termios.ECHONL),
    59: (LOCAL, termios.IEXTEN),
    70: (OUTPUT, termios.OPOST),
    72: (OUTPUT, termios.ONLCR),
}
DISABLED = 255


def set_size(terminal: int, size: tuple[int, int, int, int]) -> None:
    """Set columns, rows, and both in pixels; whoever runs in the foreground gets SIGWINCH."""
    columns, rows, width, height = (min(max(one, 0), 0xFFFF) for one in size)
    if columns and rows:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, width, height))


def set_modes(terminal: int, modes: Mapping[int, int]) -> None:
    """Set the modes that an SSH client asked for; those it did not name stay."""
    settings = termios.tcgetattr(terminal)
    characters = settings[6]
    for code, value in modes.items():
        if code in CHARACTERS:
            characters[CHARACTERS[code]] = bytes([0 if value == DISABLED else value & 0x7F])
        elif code in FLAGS:
            group, flag = FLAGS[code]
            settings[group] = settings[group] | flag if value else settings[group] & ~flag
    with contextlib.suppress(termios.error):
        termios.tcsetattr(terminal, termios.TCSANOW, settings)
