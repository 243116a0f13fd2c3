"""Cuts the input of a job into pieces, each for one mapper, and reads their lines."""

import bz2
import gzip
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from labrunner.localcloud.hadoop.errors import INVALID_INPUT, IO, HadoopError
from labrunner.localcloud.hadoop.filestatus import Part, Status, shown
from labrunner.localcloud.hadoop.filesystems import FileSystems
from labrunner.localcloud.hadoop.nodes import Node
from labrunner.localcloud.sql.storage import Address

SLOP = 1.1  # the last piece may be that much longer
PACKED: dict[str, Callable[[BinaryIO], Any]] = {".gz": gzip.open, ".bz2": bz2.open}
HIDDEN = ("_", ".")


@dataclass(frozen=True)
class Split:
    """A piece of a file and the nodes that have it."""

    address: Address
    offset: int
    length: int
    hosts: tuple[str, ...]

    def __str__(self) -> str:
        return f"{shown(self.address)}:{self.offset}+{self.length}"


def find_files(files: FileSystems, inputs: list[str]) -> list[Status]:
    """Return the files that a job reads; raises HadoopError."""
    missing, found = [], []
    for text in inputs:
        address = files.address(text)
        matches = files.glob(address)
        if not matches:
            is_pattern = any(sign in text for sign in "*?[{")
            what = f"Input Pattern {text} matches 0 files"
            missing.append(what if is_pattern else f"Input path does not exist: {shown(address)}")
        for one in matches:
            inner = files.of(one.address).children(one.address) if one.is_directory else [one]
            found += [
                status
                for status in inner
                if not (one.is_directory and _name(status).startswith(HIDDEN))
            ]
    if missing:
        raise HadoopError(INVALID_INPUT, "\n".join(missing))
    for status in found:
        if status.is_directory:
            raise HadoopError(IO, f"Not a file: {shown(status.address)}")
    return found


def _name(status: Status) -> str:
    return PurePosixPath(status.address.path).name


def cut(files: FileSystems, found: list[Status], maps: int, least: int) -> list[Split]:
    """Return the pieces, as FileInputFormat.getSplits of the older API cuts them."""
    goal = sum(one.size for one in found) // max(maps, 1)
    splits = []
    for status in found:
        parts = files.of(status.address).parts(status)
        if not status.size:
            splits.append(Split(status.address, 0, 0, ()))
            continue
        if PurePosixPath(status.address.path).suffix in PACKED:
            splits.append(Split(status.address, 0, status.size, _hosts(parts, 0)))
            continue
        size = max(least, min(max(goal, 1), status.block_size), 1)
        offset = 0
        while status.size - offset > SLOP * size:
            splits.append(Split(status.address, offset, size, _hosts(parts, offset)))
            offset += size
        rest = status.size - offset
        splits.append(Split(status.address, offset, rest, _hosts(parts, offset)))
    return splits


def _hosts(parts: list[Part], offset: int) -> tuple[str, ...]:
    for part in parts:
        if part.offset <= offset < part.offset + part.length:
            return part.hosts
    return ()


class Reader:
    """The lines of a split; `bytes_read` counts those of the file system.

    A line belongs to the piece in which the byte before it is, as in Hadoop's LineRecordReader.
    """

    def __init__(self, files: FileSystems, split: Split, near: Node) -> None:
        self._files = files
        self._split = split
        self._near = near
        self.bytes_read = 0

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield where each line begins, and the line without its end."""
        split = self._split
        system = self._files.of(split.address)
        unpack = PACKED.get(PurePosixPath(split.address.path).suffix)
        with system.open(split.address, 0 if unpack else split.offset, self._near) as raw:
            if unpack is not None:
                self.bytes_read = split.length
                yield from self._lines(unpack(raw), 0, None)
                return
            yield from self._lines(raw, split.offset, split.offset + split.length)

    def _lines(
        self, stream: "BinaryIO | io.BufferedIOBase", offset: int, end: int | None
    ) -> Iterator[tuple[int, bytes]]:
        place = offset
        if offset:
            place += len(stream.readline())
            self.bytes_read += place - offset
        while end is None or place <= end:
            line = stream.readline()
            if not line:
                return
            if end is not None:
                self.bytes_read += len(line)
            start, place = place, place + len(line)
            yield start, line.removesuffix(b"\n").removesuffix(b"\r")
