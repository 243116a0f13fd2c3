"""What type an expression has, and which of its paths lead nowhere, before anything runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from labrunner.errors import did_you_mean
from labrunner.expressions import Parsed, Type
from labrunner.expressions.types import (
    ANY,
    BOOLEAN,
    ListType,
    MapType,
    Scalar,
    Struct,
)
from labrunner.loader import calls, compare
from labrunner.loader.fitting import family, of_literal, unify, words
from labrunner.loader.offsets import offsets

_SHOWN = 12
_Node = dict[str, Any]


@dataclass(frozen=True)
class Mistake:
    """One thing wrong in an expression; `offset` counts characters from its start."""

    offset: int
    message: str
    hint: str = ""


@dataclass(frozen=True, eq=False)
class Explained(Struct):
    """A structure that can say why a name is not in it."""

    why: Callable[[str], tuple[str, str]] = field(kw_only=True)


class Inference:
    """The types of one expression's parts."""

    def __init__(
        self, expression: Parsed, roots: Struct, check_file: Callable[[str], tuple[str, str]]
    ) -> None:
        self._expression = expression
        self._roots = roots
        self._check_file = check_file
        self.mistakes: list[Mistake] = []

    def run(self) -> Type:
        """Return the expression's type, and collect its mistakes."""
        return self.visit(self._expression.tree, self._roots)

    @property
    def mistaken(self) -> bool:
        """Whether the expression has a mistake."""
        self.run()
        return bool(self.mistakes)

    def visit(self, node: _Node, current: Type) -> Type:
        """Return the type of a part, where `current` is the value it is applied to."""
        rule = self._RULES.get(node["type"])
        return rule(self, node, current) if rule else ANY

    def add(self, node: _Node, message: str, hint: str = "") -> None:
        """Note a mistake at a part of the expression."""
        places = offsets(self._expression)
        offset = min((places[id(n)] for n in _inside(node) if id(n) in places), default=0)
        self.mistakes.append(Mistake(offset, message, hint))

    def add_file(self, node: _Node, name: str) -> None:
        """Note that a file cannot be read, if so."""
        message, hint = self._check_file(name)
        if message:
            self.add(node, message, hint)

    def _field(self, node: _Node, current: Type) -> Type:
        name = node["value"]
        if isinstance(current, Struct):
            if name in current.members:
                return current.members[name]
            self.add(node, *self._missing(current, name))
        elif isinstance(current, MapType):
            return current.value
        elif isinstance(current, ListType):
            self.add(node, f"`{name}` of a list", "take an element, [0], or all of them, [*]")
        elif family(current):
            self.add(node, f"`{name}` of {words(current)}: only mappings have members")
        return ANY

    def _missing(self, struct: Struct, name: str) -> tuple[str, str]:
        if isinstance(struct, Explained):
            return struct.why(name)
        hint = did_you_mean(name, list(struct.members))
        if name in self._roots.members and struct is not self._roots:
            hint = "after [ ] and | names belong to the value at hand; roots are out of reach"
        elif not hint and len(struct.members) <= _SHOWN:
            hint = f"it has {', '.join(struct.members)}" if struct.members else "it has none"
        return f"{struct.name} has no member `{name}`", hint

    def _chain(self, node: _Node, current: Type) -> Type:
        first = node["children"][0]
        if first["type"] == "not_expression" and node["type"] == "subexpression":
            hint = "write !(…) around the whole path"
            self.add(first, "`!` takes the one name after it, not the path", hint)
            return ANY
        for child in node["children"]:
            current = self.visit(child, current)
        return current

    def _index(self, node: _Node, current: Type) -> Type:
        element = self._element(node, current, "[ ]")
        return current if node["type"] == "slice" and isinstance(current, ListType) else element

    def _element(self, node: _Node, value: Type, what: str) -> Type:
        if isinstance(value, ListType):
            return value.element
        if family(value):
            self.add(node, f"{what} of {words(value)}: only lists have elements")
        return ANY

    def _projection(self, node: _Node, current: Type) -> Type:
        left, right = node["children"][:2]
        element = self._element(left, self.visit(left, current), "[*]")
        return ListType(self.visit(right, element))

    def _filter(self, node: _Node, current: Type) -> Type:
        left, right, condition = node["children"]
        element = self._element(left, self.visit(left, current), "[?…]")
        self.visit(condition, element)
        return ListType(self.visit(right, element))

    def _values(self, node: _Node, current: Type) -> Type:
        left, right = node["children"]
        value = self.visit(left, current)
        if isinstance(value, ListType | Scalar) and family(value):
            self.add(left, f".* of {words(value)}: only mappings have values", "use [*] for lists")
        inner = value.value if isinstance(value, MapType) else ANY
        if isinstance(value, Struct):
            inner = unify(value.members.values())
        return ListType(self.visit(right, inner))

    def _flatten(self, node: _Node, current: Type) -> Type:
        left = node["children"][0]
        element = self._element(left, self.visit(left, current), "[]")
        return element if isinstance(element, ListType) else ListType(element)

    def _current(self, _node: _Node, current: Type) -> Type:
        return current

    def _literal(self, node: _Node, _current: Type) -> Type:
        return of_literal(node["value"])

    def _list(self, node: _Node, current: Type) -> Type:
        return ListType(unify(self.visit(child, current) for child in node["children"]))

    def _mapping(self, node: _Node, current: Type) -> Type:
        members = {
            pair["value"]: self.visit(pair["children"][0], current) for pair in node["children"]
        }
        return Struct("this mapping", members)

    def _or(self, node: _Node, current: Type) -> Type:
        left, right = node["children"]
        # What is false on the left falls through to the right.
        first = self._and(left, current)[1] if left["type"] == "and_expression" else None
        return unify([first or self.visit(left, current), self.visit(right, current)])

    def _and(self, node: _Node, current: Type) -> tuple[Type, Type]:
        left, right = (self.visit(child, current) for child in node["children"])
        return left, right

    def _both(self, node: _Node, current: Type) -> Type:
        return unify(self._and(node, current))

    def _not(self, node: _Node, current: Type) -> Type:
        self.visit(node["children"][0], current)
        return BOOLEAN

    def _comparator(self, node: _Node, current: Type) -> Type:
        left, right = (self.visit(child, current) for child in node["children"])
        for part, message, hint in compare.problems(node, left, right):
            self.add(part, message, hint)
        return BOOLEAN

    def _call(self, node: _Node, current: Type) -> Type:
        return calls.check(self, node, current)

    _RULES: ClassVar[Mapping[str, Callable[["Inference", _Node, Type], Type]]] = {
        "field": _field,
        "subexpression": _chain,
        "index_expression": _chain,
        "pipe": _chain,
        "index": _index,
        "slice": _index,
        "projection": _projection,
        "filter_projection": _filter,
        "value_projection": _values,
        "flatten": _flatten,
        "identity": _current,
        "current": _current,
        "literal": _literal,
        "multi_select_list": _list,
        "multi_select_dict": _mapping,
        "or_expression": _or,
        "and_expression": _both,
        "not_expression": _not,
        "comparator": _comparator,
        "function_expression": _call,
    }


def _inside(node: _Node) -> list[_Node]:
    found = [node]
    for child in node["children"]:
        if isinstance(child, dict):
            found += _inside(child)
    return found
