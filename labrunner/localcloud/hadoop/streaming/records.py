"""Records between mappers and reducers: a key and a value, both bytes."""

import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO

Record = tuple[bytes, bytes]
LENGTHS = struct.Struct("!II")
MOST_INT = 0x7FFFFFFF


def parse(line: bytes, separator: bytes, fields: int) -> Record:
    """Return a line as a record: the first fields are the key; all of it where there are fewer."""
    place = -1
    for _ in range(fields):
        place = line.find(separator, place + 1)
        if place < 0:
            return line, b""
    return line[:place], line[place + len(separator) :]


def write(stream: BinaryIO, records: Iterable[Record]) -> tuple[int, int]:
    """Write records, and return how many they are and their bytes."""
    count = size = 0
    for key, value in records:
        stream.write(LENGTHS.pack(len(key), len(value)) + key + value)
        count += 1
        size += len(key) + len(value)
    return count, size


def read(stream: BinaryIO) -> Iterator[Record]:
    """Yield the records of a file, and close it."""
    with stream:
        while head := stream.read(LENGTHS.size):
            first, second = LENGTHS.unpack(head)
            yield stream.read(first), stream.read(second)


def lines(records: Iterable[Record]) -> Iterator[bytes]:
    """Yield records as the lines that a program reads."""
    for key, value in records:
        yield key + b"\t" + value + b"\n"


def hash_of(key: bytes) -> int:
    """Return the hash of Hadoop's Text, by which HashPartitioner chooses the reducer."""
    found = 1
    for byte in key:
        found = (31 * found + (byte if byte < 128 else byte - 256)) & 0xFFFFFFFF  # noqa: PLR2004
    return found & MOST_INT
