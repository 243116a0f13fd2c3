"""Read YAML 1.2 core: the data that JSON has, and where each piece of it stands.

PyYAML's scanner gives the events; what plain texts mean is decided here, as PyYAML's own
resolver follows YAML 1.1, where 2012-10-17 is a date, 0123 is 83, and `on` is true.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import yaml

from labrunner.errors import Location
from labrunner.loader.problems import NotYaml, explain
from labrunner.loader.tree import Diagnostics, ListNode, MapNode, Node, ScalarNode, Source

LARGEST = 2**20
_DEEPEST = 50
_MOST_NODES = 50_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGERS: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"[-+]?[0-9]+"), 10),
    (re.compile(r"0o[0-7]+"), 8),
    (re.compile(r"0x[0-9a-fA-F]+"), 16),
)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def read(text: str, name: str, found: Diagnostics, until: str | None = None) -> Node | None:
    """Return the one document of a YAML text, None when nothing can be read.

    Mistakes are added to `found`. With `until`, reading stops before that key of the outermost
    mapping.
    """
    source = Source(name, text)
    events = yaml.parse(text, Loader=_LOADER)
    try:
        return _Composer(source, events, found, until).document()
    except NotYaml as problem:
        found.add(problem.where, problem.message, problem.hint)
    except yaml.YAMLError as error:
        where, message, hint = explain(source, error)
        found.add(where, message, hint)
    return None


def decode(data: bytes, name: str, found: Diagnostics) -> str | None:
    """Return a file's text; None, and a diagnostic, when it is too large, empty or not UTF-8."""
    start = Location(name, 1, 1)
    if len(data) > LARGEST:
        found.add(start, "the file is larger than 1 MiB")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        where = Location(name, before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        found.add(where, "this is not UTF-8 text", "save the file as UTF-8")
        return None
    if not text.strip():
        found.add(start, "the file is empty")
        return None
    return text


def resolve(text: str) -> Any:
    """Return what an unquoted text means in YAML 1.2 core."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    for pattern, base in _INTEGERS:
        # Longer numbers would take quadratic time, and nothing wants them.
        if pattern.fullmatch(text) and len(text) < 400:  # noqa: PLR2004
            return int(text[2:] if base != 10 else text, base)  # noqa: PLR2004
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


@dataclass
class _Composer:
    source: Source
    events: Iterator[yaml.Event]
    found: Diagnostics
    until: str | None = None
    anchors: dict[str, Node | None] = field(default_factory=dict)
    nodes: int = 0

    def document(self) -> Node | None:
        next(self.events)
        if isinstance(next(self.events), yaml.StreamEndEvent):
            self.found.add(self.source.at(0), "the file is empty")
            return None
        root = self._node(self._next(), 0)
        if self.until and isinstance(root, MapNode):
            return root
        self._next()
        more = self._next()
        if isinstance(more, yaml.DocumentStartEvent):
            where = self.source.at(_start(more))
            raise NotYaml(where, "a second document begins here", "a file holds one document")
        return root

    def _next(self) -> Any:
        return next(self.events)

    def _node(self, event: Any, depth: int) -> Node:
        where = self.source.at
        if depth > _DEEPEST:
            raise NotYaml(where(_start(event)), f"nested more than {_DEEPEST} levels deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise NotYaml(where(_start(event)), f"tags such as `{tag}` are not allowed")
        if event.anchor:
            self.anchors[event.anchor] = None
        node = self._MAKERS[type(event)](self, event, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        self._count(1, node)
        return node

    def _alias(self, event: yaml.AliasEvent) -> Node:
        where = self.source.at(_start(event))
        if event.anchor not in self.anchors:
            raise NotYaml(where, f"there is no anchor `&{event.anchor}` above this alias")
        node = self.anchors[event.anchor]
        if node is None:
            raise NotYaml(where, f"`*{event.anchor}` stands inside itself")
        self._count(node.size, node)
        return node

    def _count(self, nodes: int, at: Node) -> None:
        """Aliases of aliases can make a small file endless."""
        self.nodes += nodes
        if self.nodes > _MOST_NODES:
            raise NotYaml(at.where, f"more than {_MOST_NODES} values, aliases written out")

    def _scalar(self, event: yaml.ScalarEvent, _depth: int) -> ScalarNode:
        is_quoted = not event.implicit[0]
        value = event.value if is_quoted else resolve(event.value)
        if not is_quoted and (_ENDLESS.fullmatch(event.value) or value in (math.inf, -math.inf)):
            where = self.source.at(_start(event))
            raise NotYaml(where, f"{event.value} is a number that JSON does not have", "quote it")
        return ScalarNode(self.source, *_span(event), value, is_quoted)

    def _list(self, start: yaml.SequenceStartEvent, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        size = 1 + sum(item.size for item in items)
        return ListNode(self.source, _span(start)[0], _span(event)[1], items, size=size)

    def _map(self, start: yaml.MappingStartEvent, depth: int) -> MapNode:
        members: dict[str, Node] = {}
        keys: dict[str, ScalarNode] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._key(event, depth)
            name = str(key.value)
            if depth == 0 and name == self.until:
                break
            value = self._node(self._next(), depth + 1)
            if self._is_wrong(key):
                continue
            if name in keys:
                self._twice(key, keys[name])
                continue
            members[name], keys[name] = value, key
        size = 1 + sum(2 + node.size for node in members.values())
        start_index, end = _span(start)[0], _span(event)[1]
        return MapNode(self.source, start_index, end, members, keys, size=size)

    def _key(self, event: Any, depth: int) -> ScalarNode:
        key = self._node(event, depth + 1)
        if not isinstance(key, ScalarNode):
            raise NotYaml(key.where, "a key that is not text", "an expression is written ${{ … }}")
        return key

    def _is_wrong(self, key: ScalarNode) -> bool:
        if not isinstance(key.value, str):
            written = key.written
            self.found.add(key.where, f"the key {written} is not text", f'write "{written}"')
        elif key.value == "<<" and not key.is_quoted:
            self.found.add(key.where, "`<<` is not part of YAML 1.2", "write the keys out")
        else:
            return False
        return True

    def _twice(self, key: ScalarNode, first: ScalarNode) -> None:
        message = f"the key `{key.value}` is here twice"
        place = f"{first.where.line}:{first.where.column}"
        self.found.add(key.where, message, f"the first is at {place}")

    _MAKERS: ClassVar[Mapping[type[yaml.Event], "Callable[[_Composer, Any, int], Node]"]] = (
        MappingProxyType(
            {
                yaml.ScalarEvent: _scalar,
                yaml.SequenceStartEvent: _list,
                yaml.MappingStartEvent: _map,
            }
        )
    )


def _span(event: Any) -> tuple[int, int]:
    return event.start_mark.index, event.end_mark.index


def _start(event: Any) -> int:
    index: int = event.start_mark.index
    return index
