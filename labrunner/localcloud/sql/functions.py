"""Functions of a dialect as data: what they take, what they return, what they are in DuckDB.

A table has one signature a line, `names (arguments) -> type: template`. Arguments are names of the
dialect's kinds (`string`, `int`, `any`); `?` marks those that may be left out, `...` repeats the
last. `{0}` is the first argument, `{*}` are all of them. A type that is a number is that
argument's own type.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from labrunner.localcloud.sql.datatypes import Type, parse
from labrunner.localcloud.sql.values import LONG, Value, volatile

if TYPE_CHECKING:
    from labrunner.localcloud.sql.compiler import Compiler

LINE = re.compile(r"(?P<names>[\w ]+?) *\((?P<args>[^)]*)\) -> (?P<type>[\w<>(),]+): (?P<sql>.+)")
HOLE = re.compile(r"\{(\d+|\*)\}")


class MismatchError(Exception):
    """Arguments that a signature does not take; `index` is the first of them, None the count."""

    def __init__(self, why: str, index: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.index = index


class Kinds(Protocol):
    """How a dialect lets a value stand for an argument of a kind."""

    def fit(self, value: Value, kind: str) -> Value | None:
        """Return the value as an argument of this kind, None if it is not let."""


@dataclass(frozen=True)
class Signature:
    """One way to call a function."""

    kinds: tuple[str, ...]
    least: int
    repeats: bool
    type: str
    sql: str

    def takes(self, count: int) -> bool:
        """Whether it may have so many arguments."""
        return self.least <= count and (self.repeats or count <= len(self.kinds))

    def apply(self, values: Sequence[Value], kinds: Kinds) -> Value:
        """Return the call as a value; raises MismatchError."""
        fitted = []
        for index, value in enumerate(values):
            kind = self.kinds[min(index, len(self.kinds) - 1)]
            found = kinds.fit(value, kind)
            if found is None:
                raise MismatchError(f"{kind} is expected but {value.type} is found", index)
            fitted.append(found)
        own = self.type.isdecimal()
        result = fitted[int(self.type)].type if own else parse(self.type)
        return filled(self.sql, fitted, result)


# What a table's line cannot say: it sees the compiler and the arguments.
Special = Callable[["Compiler", Sequence[Value]], Value]


@dataclass(frozen=True)
class Function:
    """A function that was proved: its signatures, or what compiles it."""

    signatures: tuple[Signature, ...] = ()
    special: Special | None = None
    is_volatile: bool = False

    def call(self, compiler: "Compiler", values: Sequence[Value]) -> Value:
        """Return a call as a value; raises MismatchError."""
        if self.special is not None:
            return self.special(compiler, values)
        fitting = [one for one in self.signatures if one.takes(len(values))]
        if not fitting:
            raise MismatchError("")
        failed = None
        for one in fitting:
            try:
                found = one.apply(values, compiler.dialect.kinds)
            except MismatchError as error:
                failed = failed or error
            else:
                return Value(found.sql, found.type, volatile=found.volatile or self.is_volatile)
        assert failed is not None
        raise failed


def filled(template: str, values: Sequence[Value], kind: Type) -> Value:
    """Fill a template's holes; an argument that must not be written twice is bound to a name."""
    holes = HOLE.findall(template)
    bound: list[tuple[str, str]] = []
    texts = []
    for index, value in enumerate(values):
        many = holes.count(str(index)) > 1 or "_(" in template
        if many and not value.is_constant and (value.volatile or len(value.sql) > LONG):
            name = f"v{len(value.sql)}_{index}_{abs(hash(value.sql)) % 9973}"
            bound.append((name, value.sql))
            texts.append(name)
        else:
            texts.append(value.sql)

    def fill(match: re.Match[str]) -> str:
        return ", ".join(texts) if match[1] == "*" else texts[int(match[1])]

    sql = HOLE.sub(fill, template)
    for name, text in reversed(bound):
        sql = f"list_transform([{text}], lambda {name}: {sql})[1]"
    return Value(sql, kind, volatile=volatile(values))


def table(text: str, *, is_volatile: bool = False) -> dict[str, Function]:
    """Read a table of signatures."""
    found: dict[str, list[Signature]] = {}
    for line in filter(None, map(str.strip, text.strip().splitlines())):
        match = LINE.fullmatch(line)
        assert match is not None, line
        words = [one.strip() for one in match["args"].split(",") if one.strip()]
        repeats = words[-1:] == ["..."]
        words = words[:-1] if repeats else words
        least = sum(not word.endswith("?") for word in words)
        kinds = tuple(word.rstrip("?") for word in words)
        signature = Signature(kinds, least, repeats, match["type"], match["sql"])
        for name in match["names"].split():
            found.setdefault(name, []).append(signature)
    return {name: Function(tuple(many), is_volatile=is_volatile) for name, many in found.items()}


def specials(**functions: Special) -> dict[str, Function]:
    """Return functions that are compiled by Python, by name without a trailing underscore."""
    return {name.rstrip("_"): Function(special=one) for name, one in functions.items()}


def merged(tables: Iterable[Mapping[str, Function]]) -> dict[str, Function]:
    """Return several tables as one; a name may be in one of them only."""
    found: dict[str, Function] = {}
    for one in tables:
        assert not found.keys() & one.keys(), found.keys() & one.keys()
        found |= one
    return found
