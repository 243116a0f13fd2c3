"""Java's regular expressions, read into a tree; what was not proved is refused by name.

The grammar is that of java.util.regex.Pattern in Java 8 to 17, without UNICODE_CHARACTER_CLASS,
COMMENTS, UNIX_LINES and the anchor G.
"""

import string
from dataclasses import dataclass, field

INFINITE = 1 << 30


class RegexError(Exception):
    """A pattern that Java refuses, or that is not supported here."""


@dataclass(frozen=True)
class Chars:
    """A set of characters: ranges of code points, or Unicode properties of RE2's."""

    ranges: tuple[tuple[int, int], ...]
    negated: bool = False
    properties: tuple[str, ...] = ()
    # The intersection with other sets, `[a-z&&[^b]]`.
    also: tuple["Chars", ...] = ()


@dataclass(frozen=True)
class Anchor:
    """A place: one of ^ $ A Z z b B."""

    kind: str


@dataclass(frozen=True)
class Back:
    """What a group has matched."""

    group: int


@dataclass(frozen=True)
class Group:
    """A group: `kind` is capture, plain, ahead, not_ahead, behind, not_behind or atomic."""

    kind: str
    body: "Choice"
    number: int = 0


@dataclass(frozen=True)
class Repeat:
    """Something repeated; `mode` is greedy, lazy or possessive."""

    body: "Node"
    least: int
    most: int
    mode: str


@dataclass(frozen=True)
class Choice:
    """Alternatives, each a sequence."""

    branches: tuple[tuple["Node", ...], ...]


Node = Chars | Anchor | Back | Group | Repeat | Choice


@dataclass(frozen=True)
class Tree:
    """A whole pattern."""

    root: Choice
    groups: int
    ignores_case: bool


def _span(first: str, last: str) -> tuple[int, int]:
    return ord(first), ord(last)


DIGITS = (_span("0", "9"),)
SPACES = (_span("\t", "\r"), _span(" ", " "))
WORDS = (_span("0", "9"), _span("A", "Z"), _span("_", "_"), _span("a", "z"))
BLANKS = (
    *((c, c) for c in (0x20, 0x09, 0xA0, 0x1680, 0x180E, 0x202F, 0x205F, 0x3000)),
    (0x2000, 0x200A),
)
BREAKS = ((0x0A, 0x0D), (0x85, 0x85), (0x2028, 0x2029))
LINE_ENDS = ((0x0A, 0x0A), (0x0D, 0x0D), (0x85, 0x85), (0x2028, 0x2029))
ANY = ((0, 0x10FFFF),)
CLASSES = {"d": DIGITS, "s": SPACES, "w": WORDS, "h": BLANKS, "v": BREAKS}
PUNCT = tuple((ord(c), ord(c)) for c in string.punctuation)
POSIX = {
    "Lower": (_span("a", "z"),),
    "Upper": (_span("A", "Z"),),
    "ASCII": ((0, 0x7F),),
    "Alpha": (_span("A", "Z"), _span("a", "z")),
    "Digit": DIGITS,
    "Alnum": (_span("0", "9"), _span("A", "Z"), _span("a", "z")),
    "Punct": PUNCT,
    "Graph": (_span("!", "~"),),
    "Print": (_span(" ", "~"),),
    "Blank": (_span("\t", "\t"), _span(" ", " ")),
    "Cntrl": ((0, 0x1F), (0x7F, 0x7F)),
    "XDigit": (_span("0", "9"), _span("A", "F"), _span("a", "f")),
    "Space": SPACES,
}
PROPERTIES = frozenset(["L", "Lu", "Ll", "Lt", "M", "N", "Nd", "P", "S", "Z", "Zs"])
SIMPLE = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "a": "\a", "e": "\x1b"}
ANCHORS = frozenset("AZzbB")
GROUPS = {
    "?:": "plain",
    "?=": "ahead",
    "?!": "not_ahead",
    "?<=": "behind",
    "?<!": "not_behind",
    "?>": "atomic",
}


@dataclass
class _Flags:
    ignores_case: bool = False
    multiline: bool = False
    dot_all: bool = False


@dataclass
class _Reader:
    text: str
    at: int = 0
    groups: int = 0
    names: dict[str, int] = field(default_factory=dict)
    flags: _Flags = field(default_factory=_Flags)

    def peek(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def take(self, text: str) -> bool:
        found = self.peek(text)
        if found:
            self.at += len(text)
        return found

    def next(self) -> str:
        if self.at >= len(self.text):
            raise RegexError(f"the pattern {self.text!r} ends too early")
        self.at += 1
        return self.text[self.at - 1]

    def fail(self, what: str) -> RegexError:
        return RegexError(f"{what} at index {self.at} of {self.text!r}")

    # ---- structure

    def choice(self, end: str) -> Choice:
        branches: list[tuple[Node, ...]] = []
        current: list[Node] = []
        while self.at < len(self.text) and not (end and self.peek(end)):
            if self.take("|"):
                branches.append(tuple(current))
                current = []
                continue
            if self.take("\\Q"):
                stop = self.text.find("\\E", self.at)
                stop = len(self.text) if stop < 0 else stop
                literal = self.text[self.at : stop]
                self.at = min(len(self.text), stop + 2)
                current += [_char(c) for c in literal]
                if literal:
                    current[-1] = self.quantified(current[-1])
                continue
            atom = self.atom()
            if atom is not None:
                current.append(self.quantified(atom))
        branches.append(tuple(current))
        return Choice(tuple(branches))

    def atom(self) -> Node | None:
        char = self.next()
        if char == "(":
            return self.group()
        if char == "[":
            return self.char_class()
        if char == ".":
            return Chars(ANY) if self.flags.dot_all else Chars(LINE_ENDS, negated=True)
        if char in "^$":
            return Anchor(char + "m" if self.flags.multiline else char)
        if char == "\\":
            return self.escape()
        if char == ")":
            raise self.fail("Unmatched closing ')'")
        if char in "*+?{":
            raise self.fail(f"Dangling meta character {char!r}")
        return _char(char)

    def group(self) -> Node | None:
        for mark, kind in GROUPS.items():
            if self.take(mark):
                return self.closed(kind, 0)
        if self.peek("?<"):
            end = self.text.find(">", self.at)
            name = self.text[self.at + 2 : end]
            if end < 0 or not name.isalnum():
                raise self.fail("a group's name is malformed")
            self.at = end + 1
            self.groups += 1
            self.names[name] = self.groups
            return self.closed("capture", self.groups)
        if self.take("?"):
            return self.flagged()
        self.groups += 1
        return self.closed("capture", self.groups)

    def closed(self, kind: str, number: int) -> Group:
        before = _Flags(**vars(self.flags))
        body = self.choice(")")
        if not self.take(")"):
            raise self.fail("Unclosed group")
        self.flags = before
        return Group(kind, body, number)

    def flagged(self) -> Node | None:
        on = True
        before = _Flags(**vars(self.flags))
        while not self.peek(")") and not self.peek(":"):
            char = self.next()
            if char == "-":
                on = False
            elif char == "i":
                if self.at > 3 or not on:  # noqa: PLR2004 - "(?i" at the beginning
                    raise self.fail("the flag i for a part of a pattern is not supported:")
                self.flags.ignores_case = on
            elif char == "m":
                self.flags.multiline = on
            elif char == "s":
                self.flags.dot_all = on
            else:
                raise self.fail(f"the flag {char} is not supported:")
        if self.take(")"):
            return None
        self.take(":")
        if self.flags.ignores_case and not before.ignores_case:
            raise self.fail("the flag i for a part of a pattern is not supported:")
        inner = self.flags
        body = self.choice(")")
        if not self.take(")"):
            raise self.fail("Unclosed group")
        before.ignores_case = inner.ignores_case
        self.flags = before
        return Group("plain", body)

    def quantified(self, atom: Node) -> Node:
        bounds = self.bounds()
        if bounds is None:
            return atom
        mode = "lazy" if self.take("?") else "possessive" if self.take("+") else "greedy"
        return self.quantified(Repeat(atom, *bounds, mode))

    def bounds(self) -> tuple[int, int] | None:
        for mark, found in (("*", (0, INFINITE)), ("+", (1, INFINITE)), ("?", (0, 1))):
            if self.take(mark):
                return found
        if not self.take("{"):
            return None
        end = self.text.find("}", self.at)
        least, comma, most = self.text[self.at : max(end, self.at)].partition(",")
        if end < 0 or not least.isdecimal() or (most and not most.isdecimal()):
            raise self.fail("Illegal repetition")
        self.at = end + 1
        upper = int(most) if most else (INFINITE if comma else int(least))
        return int(least), upper

    # ---- escapes and classes

    def escape(self) -> Node:
        char = self.text[self.at : self.at + 1]
        if char in ANCHORS and char:
            self.at += 1
            return Anchor(char)
        if char.isdecimal() and char != "0":
            return self.back()
        if char == "k":
            end = self.text.find(">", self.at)
            number = self.names.get(self.text[self.at + 2 : end])
            if number is None:
                raise self.fail("a group of this name does not exist")
            self.at = end + 1
            return Back(number)
        if char == "R":
            raise self.fail("\\R is not supported")
        return self.set_escape()

    def back(self) -> Back:
        number = int(self.next())
        while self.text[self.at : self.at + 1].isdecimal():
            longer = number * 10 + int(self.text[self.at])
            if longer > self.groups:
                break
            self.at += 1
            number = longer
        if number > self.groups:
            raise self.fail("a reference to a group that is not there")
        return Back(number)

    def set_escape(self) -> Chars:
        """Read what an escape means that may also stand in brackets."""
        char = self.next()
        if char.lower() in CLASSES:
            return Chars(CLASSES[char.lower()], negated=char.isupper())
        if char in "pP":
            return self.property(negated=char == "P")
        if char in SIMPLE:
            return _char(SIMPLE[char])
        if char == "x":
            return self.hexadecimal(2)
        if char == "u":
            return self.hexadecimal(4)
        if char == "0":
            return self.octal()
        if char == "c":
            return _char(chr(ord(self.next()) ^ 64))
        if char.isascii() and char.isalnum():
            raise self.fail(f"Illegal/unsupported escape sequence \\{char}")
        return _char(char)

    def hexadecimal(self, digits: int) -> Chars:
        if digits == 2 and self.take("{"):  # noqa: PLR2004
            end = self.text.find("}", self.at)
            text, self.at = self.text[self.at : end], end + 1
        else:
            text = self.text[self.at : self.at + digits]
            text = text if len(text) == digits else ""
            self.at += digits
        if not text or set(text) - set(string.hexdigits) or int(text, 16) > ANY[0][1]:
            raise self.fail("Illegal hexadecimal escape sequence")
        return _char(chr(int(text, 16)))

    def octal(self) -> Chars:
        most = 3 if self.text[self.at : self.at + 1] in ("0", "1", "2", "3") else 2
        found = ""
        while len(found) < most and self.text[self.at : self.at + 1] in tuple("01234567"):
            found += self.next()
        if not found:
            raise self.fail("Illegal octal escape sequence")
        return _char(chr(int(found, 8)))

    def property(self, *, negated: bool) -> Chars:
        if self.take("{"):
            end = self.text.find("}", self.at)
            name, self.at = self.text[self.at : end], end + 1
        else:
            name = self.next()
        if name in POSIX:
            return Chars(POSIX[name], negated)
        if name in PROPERTIES:
            return Chars((), negated, (name,))
        raise self.fail(f"\\p{{{name}}} is not supported")

    def char_class(self) -> Chars:
        negated = self.take("^")
        ranges: list[tuple[int, int]] = []
        properties: list[str] = []
        also: list[Chars] = []
        first = True
        while first or not self.peek("]"):
            if self.take("&&"):
                also.append(self.char_class_rest())
                break
            if self.peek("["):
                self.at += 1
                self.add(self.char_class(), ranges, properties)
            else:
                self.member(ranges, properties)
            first = False
        if not self.take("]"):
            raise self.fail("Unclosed character class")
        return Chars(tuple(ranges), negated, tuple(properties), tuple(also))

    def char_class_rest(self) -> Chars:
        """Read what follows && up to the closing bracket, which is left."""
        if self.peek("["):
            self.at += 1
            found = self.char_class()
            if not self.peek("]"):
                raise self.fail("this intersection of character classes is not supported")
            return found
        ranges: list[tuple[int, int]] = []
        properties: list[str] = []
        negated = self.take("^")
        while not self.peek("]"):
            if self.peek("[") or self.peek("&&"):
                raise self.fail("this intersection of character classes is not supported")
            self.member(ranges, properties)
        return Chars(tuple(ranges), negated, tuple(properties))

    def member(self, ranges: list[tuple[int, int]], properties: list[str]) -> None:
        low = self.set_escape() if self.take("\\") else _char(self.next())
        single = len(low.ranges) == 1 and low.ranges[0][0] == low.ranges[0][1] and not low.negated
        dash = self.peek("-") and self.text[self.at + 1 : self.at + 2] not in ("]", "[", "")
        if not (single and dash):
            self.add(low, ranges, properties)
            return
        self.at += 1
        high = self.set_escape() if self.take("\\") else _char(self.next())
        if high.negated or len(high.ranges) != 1 or high.ranges[0][0] < low.ranges[0][0]:
            raise self.fail("Illegal character range")
        ranges.append((low.ranges[0][0], high.ranges[0][1]))

    def add(self, one: Chars, ranges: list[tuple[int, int]], properties: list[str]) -> None:
        if one.also or (one.negated and one.properties):
            raise self.fail("this union of character classes is not supported")
        ranges += _inverted(one.ranges) if one.negated else one.ranges
        properties += one.properties


def _char(char: str) -> Chars:
    return Chars(((ord(char), ord(char)),))


def _inverted(ranges: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    found = []
    start = 0
    for low, high in sorted(ranges):
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    if start <= ANY[0][1]:
        found.append((start, ANY[0][1]))
    return found


def read(pattern: str) -> Tree:
    """Read a pattern; raises RegexError."""
    reader = _Reader(pattern)
    root = reader.choice("")
    return Tree(root, reader.groups, reader.flags.ignores_case)
