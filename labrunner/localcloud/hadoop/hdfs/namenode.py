"""The name node: the tree of names, and which blocks on which nodes make a file."""

import contextlib
import io
import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, cast

from labrunner.localcloud.hadoop.errors import IO, NOT_FOUND, PATH_EXISTS, HadoopError
from labrunner.localcloud.hadoop.hdfs.blocks import (
    FIRST_BLOCK,
    Block,
    BlockWriter,
    Datanode,
    IterableStream,
    read_block,
)

OWNER = "hadoop"
GROUP = "hdfsadmingroup"
BLOCK_SIZE = 128 * 1024
LEAST_BLOCK = 512
BUFFER = 1 << 16


@dataclass(eq=False)
class File:
    """A file: its blocks, and how many replicas each should have."""

    modified: datetime
    replication: int
    block_size: int
    blocks: list[Block] = field(default_factory=list)
    permission: int = 0o644

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(block.size for block in self.blocks)


@dataclass(eq=False)
class Directory:
    """A directory and what it has, by name."""

    modified: datetime
    children: "dict[str, Entry]" = field(default_factory=dict)
    permission: int = 0o755


Entry = File | Directory


def parts_of(path: str) -> list[str]:
    """Return the names of a path."""
    return [part for part in path.split("/") if part not in ("", ".")]


class Namenode:
    """The file system of one cluster; safe for threads. Paths may begin with `/` or not.

    `datanodes` are asked for when a block is written, so that nodes may come and go.
    """

    def __init__(
        self,
        datanodes: Callable[[], Sequence[Datanode]],
        now: Callable[[], datetime],
        pool: str,
        *,
        replication: int = 1,
        block_size: int = BLOCK_SIZE,
    ) -> None:
        self.replication = replication
        self.block_size = block_size
        self.pool = pool
        self.datanodes = datanodes
        self.now = now
        self.lock = threading.RLock()
        self.root = Directory(now())
        self._numbers = itertools.count(FIRST_BLOCK)
        self._given: Counter[Datanode] = Counter()
        self._choice = random.Random(pool)  # noqa: S311 - which node is no secret

    def find(self, path: str) -> Entry | None:
        """Return what is at a path."""
        with self.lock:
            found: Entry = self.root
            for part in parts_of(path):
                if not isinstance(found, Directory) or part not in found.children:
                    return None
                found = found.children[part]
            return found

    def walk(self, path: str) -> Iterator[tuple[str, Entry]]:
        """Yield everything at a path and below, by path with a leading `/`, in order."""
        with self.lock:
            start = self.find(path)
            found: list[tuple[str, Entry]] = []
            if start is not None:
                _collect("/" + "/".join(parts_of(path)), start, found)
        yield from found

    def mkdirs(self, path: str) -> Directory:
        """Make a directory and those that lead to it; raises HadoopError."""
        with self.lock:
            found = self.root
            for number, part in enumerate(parts_of(path), 1):
                child = found.children.setdefault(part, Directory(self.now()))
                if isinstance(child, File):
                    name = "/" + "/".join(parts_of(path)[:number])
                    kind = "org.apache.hadoop.fs.ParentNotDirectoryException"
                    raise HadoopError(kind, f"{name} (is not a directory)")
                found = child
            return found

    @contextlib.contextmanager
    def create(
        self,
        path: str,
        *,
        overwrite: bool = False,
        replication: int | None = None,
        block_size: int | None = None,
    ) -> Iterator[BinaryIO]:
        """Yield a new file to be written, which is there when all went well; raises HadoopError."""
        current = self.find(path)
        if isinstance(current, Directory):
            raise HadoopError(PATH_EXISTS, f"{path} already exists as a directory")
        if current is not None and not overwrite:
            raise HadoopError(PATH_EXISTS, f"{path} already exists")
        size = block_size or self.block_size
        if size < LEAST_BLOCK:
            text = f"Specified block size is less than configured minimum value: {size} < 512"
            raise HadoopError(IO, text)
        file = File(self.now(), replication or self.replication, size)
        raw = _FileWriter(self, file)
        try:
            with io.BufferedWriter(raw, BUFFER) as stream:
                yield cast("BinaryIO", stream)
            self.put(path, file)
        except BaseException:
            _remove_blocks(file)
            raise

    def put(self, path: str, file: File) -> None:
        """Put a file whose blocks are written at a path; raises HadoopError."""
        *folder, name = parts_of(path)
        with self.lock:
            parent = self.mkdirs("/".join(folder))
            old = parent.children.get(name)
            if isinstance(old, Directory):
                raise HadoopError(PATH_EXISTS, f"{path} already exists as a directory")
            parent.children[name] = file
            parent.modified = file.modified = self.now()
        if isinstance(old, File):
            _remove_blocks(old)

    def open(self, path: str, offset: int = 0, near: Datanode | None = None) -> BinaryIO:
        """Open a file to be read from an offset, from replicas of a near node if it has them."""
        file = self.find(path)
        if file is None:
            raise HadoopError(NOT_FOUND, f"File does not exist: {path}")
        if isinstance(file, Directory):
            raise HadoopError(NOT_FOUND, f"Path is not a file: {path}")
        stream = IterableStream(self._content(file, offset, near))
        return cast("BinaryIO", io.BufferedReader(stream, BUFFER))

    def _content(self, file: File, offset: int, near: Datanode | None) -> Iterator[bytes]:
        for block in tuple(file.blocks):
            if offset < block.size:
                yield from read_block(block, offset, near)
            offset = max(offset - block.size, 0)

    def delete(self, path: str) -> bool:
        """Delete a file, or a directory with all that it has; false if nothing is there."""
        *folder, name = parts_of(path) or [""]
        with self.lock:
            parent = self.find("/".join(folder))
            if not isinstance(parent, Directory) or name not in parent.children:
                return False
            gone: list[tuple[str, Entry]] = []
            _collect(path, parent.children.pop(name), gone)
            parent.modified = self.now()
        for _, entry in gone:
            if isinstance(entry, File):
                _remove_blocks(entry)
        return True

    def rename(self, source: str, target: str) -> None:
        """Move something to a path that is free; raises HadoopError."""
        *folder, name = parts_of(source)
        *into, last = parts_of(target)
        with self.lock:
            parent, goal = self.find("/".join(folder)), self.find("/".join(into))
            if not isinstance(parent, Directory) or name not in parent.children:
                raise HadoopError(NOT_FOUND, f"File does not exist: {source}")
            if not isinstance(goal, Directory):
                text = f"No such directory: /{'/'.join(into)}"
                raise HadoopError(NOT_FOUND, text)
            if parts_of(target)[: len(parts_of(source))] == parts_of(source):
                raise HadoopError(IO, f"rename destination {target} is within {source}")
            if last in goal.children:
                raise HadoopError(PATH_EXISTS, f"{target} already exists")
            goal.children[last] = parent.children.pop(name)

    # ---- blocks

    def new_block(self, file: File, near: Datanode | None = None) -> BlockWriter:
        """Begin the next block of a file on as many nodes as it should have; raises HadoopError."""
        with self.lock:
            block = Block(self.pool, next(self._numbers))
            nodes = self.choose(file.replication, [], near)
        writer = BlockWriter(block, nodes)
        file.blocks.append(block)
        return writer

    def choose(
        self, count: int, but: Sequence[Datanode], near: Datanode | None = None
    ) -> list[Datanode]:
        """Choose different nodes for replicas: the near one, then those that were given fewest."""
        nodes = [one for one in self.datanodes() if one.is_up and one not in but]
        with self.lock:
            least = min(self._given.values(), default=0)
            for node in nodes:  # one that came later does not get all
                self._given.setdefault(node, least)
            self._choice.shuffle(nodes)
            nodes.sort(key=lambda one: (one is not near, self._given[one]))
            self._given.update(nodes[:count])
        return nodes[:count]

    def replicate(self, file: File, count: int) -> None:
        """Set how many replicas a file should have, and copy or delete some; raises HadoopError."""
        file.replication = count
        for block in file.blocks:
            live = block.live()
            if not live:
                continue
            wanted = self.choose(count - len(live), live) if len(live) < count else []
            copies = []
            for node in wanted:
                copy = Block(self.pool, block.number)
                writer = BlockWriter(copy, [node])
                for piece in read_block(block, 0, None):
                    writer.write(memoryview(piece))
                writer.close()
                copies.append(node)
            for node in live[count:]:
                node.remove(node.place(block.path))
            block.nodes = [*live[:count], *copies]
            block.corrupt.clear()

    def decommission(self, going: Sequence[Datanode]) -> None:
        """Copy the blocks of nodes that will go to those that stay, as far as there are any."""
        for _, entry in self.walk("/"):
            if isinstance(entry, File) and any(n in going for b in entry.blocks for n in b.nodes):
                wanted = entry.replication
                self.replicate(entry, wanted + len(going))
                for block in entry.blocks:
                    block.nodes = [node for node in block.nodes if node not in going]
                self.replicate(entry, wanted)


def _collect(path: str, entry: Entry, found: list[tuple[str, Entry]]) -> None:
    found.append((path or "/", entry))
    if isinstance(entry, Directory):
        for name in sorted(entry.children):
            _collect(f"{path.rstrip('/')}/{name}", entry.children[name], found)


def _remove_blocks(file: File) -> None:
    for block in file.blocks:
        block.remove()


class _FileWriter(io.RawIOBase):
    """Writes a file block by block."""

    def __init__(self, namenode: Namenode, file: File) -> None:
        super().__init__()
        self._namenode = namenode
        self._file = file
        self._block: BlockWriter | None = None
        self._room = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        count = len(view)
        while len(view):
            if self._block is None:
                self._block = self._namenode.new_block(self._file)
                self._room = self._file.block_size
            self._block.write(view[: self._room])
            taken = min(self._room, len(view))
            self._room -= taken
            view = view[taken:]
            if not self._room:
                self._end_block()
        return count

    def _end_block(self) -> None:
        if self._block is not None:
            self._block.close()
            self._block = None

    def close(self) -> None:
        if not self.closed:
            try:
                self._end_block()
            finally:
                super().close()
