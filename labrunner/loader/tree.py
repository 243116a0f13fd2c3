"""What was read from a YAML file: values that know their places."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from labrunner.errors import Diagnostic, Location

Path = tuple[str | int, ...]


@dataclass(frozen=True, eq=False)
class Source:
    """A file's name and its text."""

    name: str
    text: str

    def at(self, index: int) -> Location:
        """Return the place of a character of the text."""
        index = min(index, len(self.text))
        line = self.text.count("\n", 0, index) + 1
        return Location(self.name, line, index - self.text.rfind("\n", 0, index))


@dataclass(frozen=True, eq=False)
class Node:
    """A value and where it stands in its file; `size` counts it and everything in it."""

    source: Source = field(repr=False)
    start: int
    end: int
    size: int = field(default=1, kw_only=True)

    @property
    def where(self) -> Location:
        """The place of its first character."""
        return self.source.at(self.start)

    def at(self, path: Path) -> "Node":
        """Return the node at the path, or the last one on the way that exists."""
        node: Node = self
        for step in path:
            found = node.child(step)
            if found is None:
                break
            node = found
        return node

    def child(self, _step: str | int) -> "Node | None":
        """Return the value of a key, or an element."""
        return None

    @property
    def children(self) -> Sequence["Node"]:
        """The values directly inside."""
        return ()

    @property
    def plain(self) -> Any:
        """The value as plain data."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class ScalarNode(Node):
    """A text, number, boolean or null."""

    value: str | int | float | bool | None
    is_quoted: bool = False

    @property
    def plain(self) -> Any:
        """The value."""
        return self.value

    @property
    def written(self) -> str:
        """The value as it is written in the file, quotes included."""
        return self.source.text[self.start : self.end].strip()

    def inside(self, offset: int) -> Location:
        """Return the place of a character of the text's value, however the text is written."""
        assert isinstance(self.value, str)
        text = self.source.text
        index = self._first()
        for char in self.value[:offset].split():
            for letter in char:
                found = text.find(letter, index, self.end)
                if found < 0:
                    return self.where
                index = found + 1
        while offset < len(self.value) and index < self.end and text[index] != self.value[offset]:
            index += 1
        return self.source.at(index)

    def _first(self) -> int:
        """Return where the content begins: after a quote, or below the header of a block."""
        text = self.source.text
        if text[self.start : self.start + 1] in ("|", ">"):
            return text.find("\n", self.start, self.end) + 1 or self.start
        return self.start


@dataclass(frozen=True, eq=False)
class ListNode(Node):
    """A list."""

    items: Sequence[Node]

    def child(self, step: str | int) -> Node | None:
        """Return the element with this index."""
        inside = isinstance(step, int) and 0 <= step < len(self.items)
        return self.items[int(step)] if inside else None

    @property
    def children(self) -> Sequence[Node]:
        """The elements."""
        return self.items

    @property
    def plain(self) -> Any:
        """The elements as plain data."""
        return [item.plain for item in self.items]


@dataclass(frozen=True, eq=False)
class MapNode(Node):
    """A mapping; `keys` are the nodes of its keys."""

    members: dict[str, Node]
    keys: dict[str, ScalarNode]

    def child(self, step: str | int) -> Node | None:
        """Return the value of this key."""
        return self.members.get(step) if isinstance(step, str) else None

    @property
    def children(self) -> Sequence[Node]:
        """The values of the keys."""
        return list(self.members.values())

    @property
    def plain(self) -> Any:
        """The members as plain data."""
        return {key: node.plain for key, node in self.members.items()}


class Diagnostics:
    """Collects what is wrong with a lab."""

    def __init__(self) -> None:
        self._found: dict[Diagnostic, None] = {}

    def add(self, where: Location, message: str, hint: str = "") -> None:
        """Note one mistake."""
        self._found[Diagnostic(where, message, hint)] = None

    def __iter__(self) -> Iterator[Diagnostic]:
        """Yield the mistakes by file and place."""
        return iter(sorted(self._found, key=lambda found: found.where))

    def __bool__(self) -> bool:
        return bool(self._found)
