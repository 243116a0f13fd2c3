"""Carry what a session says and hears, in both directions at once."""

import select
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paramiko import Channel

CHUNK = 32 * 2**10
_FULL_PAUSE = 0.02


@dataclass(frozen=True)
class Input:
    """What the session is told: `read` gives the next bytes, and none at the end.

    `ready` is a descriptor that says when reading does not wait; without it, it never does.
    """

    read: Callable[[], bytes]
    ready: int | None = None


@dataclass(frozen=True)
class Idle:
    """What to do whenever nothing has been said for so many seconds."""

    seconds: float
    act: Callable[[], None]


def exchange(
    channel: "Channel",
    hear: tuple[Callable[[bytes], None], Callable[[bytes], None]],
    source: Input,
    *,
    watched: Mapping[int, Callable[[], None]] | None = None,
    idle: Idle | None = None,
) -> None:
    """Carry until the session has said all, or is gone.

    `hear` is told what comes on standard output and standard error; `watched` acts when one of
    its descriptors can be read.
    """
    watched = watched or {}
    speaking = _Speaking(channel, source)
    while True:
        ended = channel.eof_received or channel.closed
        moved = _listen(channel, hear)
        if ended and not moved:
            return
        moved = speaking.go_on() or moved
        waiting: list[Channel | int] = [channel, *watched, *speaking.waits_for]
        pause = 0 if moved else _FULL_PAUSE if speaking.full else idle.seconds if idle else None
        ready = select.select(waiting, [], [], pause)[0]
        speaking.may_read = source.ready in ready
        for descriptor, act in watched.items():
            if descriptor in ready:
                act()
        if idle and not ready and pause == idle.seconds:
            idle.act()


def _listen(
    channel: "Channel", hear: tuple[Callable[[bytes], None], Callable[[bytes], None]]
) -> bool:
    moved = False
    if channel.recv_ready():
        hear[0](channel.recv(CHUNK))
        moved = True
    if channel.recv_stderr_ready():
        hear[1](channel.recv_stderr(CHUNK))
        moved = True
    return moved


class _Speaking:
    """Sends input as fast as the other side takes it, and no faster: waiting would deadlock."""

    def __init__(self, channel: "Channel", source: Input) -> None:
        self._channel = channel
        self._source = source
        self._unsent = b""
        self._open = True
        self.may_read = False

    @property
    def full(self) -> bool:
        """Whether the other side must take something first."""
        return bool(self._unsent)

    @property
    def waits_for(self) -> list[int]:
        """The descriptor to wait for before reading on."""
        ready = self._source.ready
        return [ready] if ready is not None and self._open and not self._unsent else []

    def go_on(self) -> bool:
        """Read and send what can be at once; return whether anything was."""
        from paramiko import SSHException

        try:
            return self._open and self._send()
        except (SSHException, EOFError, OSError):
            # The command has ended without reading its input, as `true` does.
            self._open, self._unsent = False, b""
            return False

    def _send(self) -> bool:
        moved = False
        if not self._unsent and (self._source.ready is None or self.may_read):
            self._unsent = self._source.read()
            moved = True
            if not self._unsent:
                self._channel.shutdown_write()
                self._open = False
        if self._unsent and self._channel.send_ready():
            sent = self._channel.send(self._unsent)
            self._unsent = self._unsent[sent:]
            moved = moved or sent > 0
        return moved
