"""Java's regular expressions for Python's `re`, and for RE2 where both surely agree."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass

from labrunner.localcloud.sql.regex_tree import (
    INFINITE,
    Anchor,
    Back,
    Chars,
    Choice,
    Group,
    Node,
    RegexError,
    Repeat,
    Tree,
    read,
)

MAX_RE2_COUNT = 1000
LINE_END = r"(?:\r\n|[\n\r\x85\u2028\u2029])"
ANCHORS = {
    "^": r"\A",
    "A": r"\A",
    "z": r"\Z",
    "b": r"(?u:\b)",
    "B": r"(?u:\B)",
    "$": rf"(?={LINE_END}?\Z)(?!(?<=\r)\n\Z)",
    "Z": rf"(?={LINE_END}?\Z)(?!(?<=\r)\n\Z)",
    "^m": r"(?:\A|(?<=[\n\x85\u2028\u2029])(?!\Z)|(?<=\r)(?!\n|\Z))",
    "$m": r"(?=[\r\x85\u2028\u2029]|(?<!\r)\n|\Z)",
}
OPENINGS = {
    "capture": "(",
    "plain": "(?:",
    "ahead": "(?=",
    "not_ahead": "(?!",
    "behind": "(?<=",
    "not_behind": "(?<!",
    "atomic": "(?>",
}
MODES = {"greedy": "", "lazy": "?", "possessive": "+"}


@dataclass(frozen=True)
class Guarded:
    """A pattern for RE2: it matches where `pattern` does and none of `without` does.

    `surely` are the groups that take part in every match, by number; `wide` those of them that
    are never empty.
    """

    pattern: str
    without: tuple[str, ...]
    groups: int
    surely: frozenset[int]
    wide: frozenset[int]
    # Whether an empty text may match, and whether the pattern ends with `$`.
    may_be_empty: bool
    ends: bool


@functools.lru_cache(maxsize=256)
def for_python(pattern: str) -> re.Pattern[str]:
    """Return a pattern of Java's as one of Python's; raises RegexError."""
    tree = read(pattern)
    try:
        return re.compile(_python_choice(tree.root), _flags(tree))
    except (re.error, OverflowError) as error:
        raise RegexError(f"{error} in {pattern!r}, which is not supported") from None


def _flags(tree: Tree) -> int:
    return re.ASCII | (re.IGNORECASE if tree.ignores_case else 0)


def _python_choice(choice: Choice) -> str:
    return "|".join("".join(map(_python, branch)) for branch in choice.branches)


def _python(node: Node) -> str:
    if isinstance(node, Chars):
        return _python_chars(node)
    if isinstance(node, Anchor):
        return ANCHORS[node.kind]
    if isinstance(node, Back):
        return f"(?:\\{node.group})"
    if isinstance(node, Group):
        return f"{OPENINGS[node.kind]}{_python_choice(node.body)})"
    if isinstance(node, Repeat):
        body = _python(node.body)
        if isinstance(node.body, Repeat):
            body = f"(?:{body})"
        return body + _count(node) + MODES[node.mode]
    return f"(?:{_python_choice(node)})"


def _count(node: Repeat) -> str:
    if node.most == INFINITE:
        return {0: "*", 1: "+"}.get(node.least, f"{{{node.least},}}")
    return "?" if (node.least, node.most) == (0, 1) else f"{{{node.least},{node.most}}}"


def _python_chars(chars: Chars) -> str:
    if chars.properties or any(one.properties for one in chars.also):
        raise RegexError("a Unicode property is not supported beside what only Python can match")
    if len(chars.ranges) == 1 and not chars.negated and not chars.also:
        low, high = chars.ranges[0]
        if low == high:
            return re.escape(chr(low))
    own = _set(chars, _python_point)
    # Java complements the whole intersection.
    if chars.also and chars.negated:
        raise RegexError("a negated intersection of character classes is not supported")
    if not chars.also:
        return own
    others = "".join(f"(?={_set(one, _python_point)})" for one in chars.also)
    return f"(?:{others}{own})"


def _python_point(point: int) -> str:
    return f"\\U{point:08x}"


def _re2_point(point: int) -> str:
    return f"\\x{{{point:x}}}"


def _set(chars: Chars, point: Callable[[int], str]) -> str:
    parts = [
        point(low) if low == high else f"{point(low)}-{point(high)}" for low, high in chars.ranges
    ]
    parts += [f"\\p{{{name}}}" for name in chars.properties]
    return f"[{'^' if chars.negated else ''}{''.join(parts)}]"


@functools.lru_cache(maxsize=256)
def for_re2(pattern: str) -> Guarded | None:
    """Return a pattern for RE2, None where RE2 may differ from Java; raises RegexError."""
    tree = read(pattern)
    if tree.ignores_case or len(tree.root.branches) > 1:
        return None if tree.ignores_case else _plain(tree, tree.root, (), ends=False)
    nodes = list(tree.root.branches[0])
    without: list[str] = []
    anchored = False
    while nodes:
        first = nodes[0]
        if first == Anchor("^") or first == Anchor("A"):
            anchored = True
            nodes.pop(0)
        elif isinstance(first, Group) and first.kind == "not_ahead" and anchored:
            guard = _re2_choice(first.body, inside=True)
            if guard is None:
                return None
            without.append(rf"\A(?:{guard})")
            nodes.pop(0)
        else:
            break
    ends = bool(nodes) and nodes[-1] == Anchor("$")
    if ends:
        nodes.pop()
    lead = (Anchor("A"),) if anchored else ()
    return _plain(tree, Choice(((*lead, *nodes),)), tuple(without), ends=ends)


def _plain(tree: Tree, root: Choice, without: tuple[str, ...], *, ends: bool) -> Guarded | None:
    text = _re2_choice(root, inside=False)
    if text is None:
        return None
    surely = _surely(root) if len(root.branches) == 1 else frozenset()
    wide = frozenset(number for number, least in _widths(root) if least > 0)
    return Guarded(text, without, tree.groups, surely, wide & surely, _least(root) == 0, ends)


def _re2_choice(choice: Choice, *, inside: bool) -> str | None:
    branches = []
    for branch in choice.branches:
        parts = [_re2(node, inside=inside) for node in branch]
        if any(part is None for part in parts):
            return None
        branches.append("".join(part for part in parts if part is not None))
    return "|".join(branches)


def _re2(node: Node, *, inside: bool) -> str | None:
    """Return a node for RE2; `inside` something that repeats or chooses no group may capture."""
    if isinstance(node, Chars):
        return None if node.also else _set(node, _re2_point)
    if isinstance(node, Anchor):
        return {"^": r"\A", "A": r"\A", "z": r"\z"}.get(node.kind)
    if isinstance(node, Group):
        if node.kind == "capture":
            body = _re2_choice(node.body, inside=inside)
            return None if inside or body is None else f"({body})"
        body = _re2_choice(node.body, inside=inside)
        return f"(?:{body})" if node.kind == "plain" and body is not None else None
    if isinstance(node, Repeat):
        too_many = node.least > MAX_RE2_COUNT or MAX_RE2_COUNT < node.most < INFINITE
        if too_many or node.mode == "possessive" or (node.most > 1 and _least(node.body) == 0):
            return None
        body = _re2(node.body, inside=inside or node.most > 1)
        if body is None:
            return None
        return f"(?:{body}){_count(node)}{MODES[node.mode]}"
    return None


def _least(node: Node) -> int:
    """Return the fewest characters that a node matches."""
    if isinstance(node, Chars):
        return 1
    if isinstance(node, Choice):
        return min(sum(map(_least, branch)) for branch in node.branches)
    if isinstance(node, Group):
        return _least(node.body) if node.kind in ("capture", "plain", "atomic") else 0
    if isinstance(node, Repeat):
        return node.least * _least(node.body)
    return 0


def _surely(node: Node) -> frozenset[int]:
    """Return the groups that take part whenever a node matches."""
    if isinstance(node, Choice):
        if len(node.branches) > 1:
            return frozenset()
        return frozenset().union(*map(_surely, node.branches[0]))
    if isinstance(node, Group):
        own = frozenset({node.number}) if node.kind == "capture" else frozenset()
        return own | _surely(node.body)
    if isinstance(node, Repeat) and node.least > 0:
        return _surely(node.body)
    return frozenset()


def _widths(node: Node) -> list[tuple[int, int]]:
    """Return each capturing group's number and the fewest characters that it matches."""
    if isinstance(node, Choice):
        return [pair for branch in node.branches for one in branch for pair in _widths(one)]
    if isinstance(node, Group):
        own = [(node.number, _least(node.body))] if node.kind == "capture" else []
        return own + _widths(node.body)
    return _widths(node.body) if isinstance(node, Repeat) else []
