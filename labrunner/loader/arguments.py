"""Values against the types they are given for: names, types, choices and limits."""

import re
import warnings
from functools import lru_cache
from typing import Any

from labrunner.errors import did_you_mean
from labrunner.expressions import Type
from labrunner.expressions.types import (
    ANY,
    AnyType,
    Limits,
    ListType,
    MapType,
    Scalar,
    Struct,
)
from labrunner.loader.fitting import family, of_literal, takes, unify, words
from labrunner.loader.texts import Texts
from labrunner.loader.tree import Diagnostics, ListNode, MapNode, Node, ScalarNode

_SHOWN = 8
_LONGEST_MATCHED = 2048


class Arguments:
    """Checks one value, at any depth, where its expressions see `roots`."""

    def __init__(self, texts: Texts, found: Diagnostics, roots: Struct) -> None:
        self._texts = texts
        self._found = found
        self._roots = roots

    def check(self, node: Node, wanted: Type, name: str) -> Type:
        """Return the value's own type; `name` is what it is given for, as people read it."""
        if isinstance(node, MapNode):
            return self._mapping(node, wanted, name)
        if isinstance(node, ListNode):
            return self._list(node, wanted, name)
        assert isinstance(node, ScalarNode)
        if isinstance(node.value, str):
            return self._text(node, node.value, wanted, name)
        return self._literal(node, wanted, name)

    def _mapping(self, node: MapNode, wanted: Type, name: str) -> Struct:
        if isinstance(wanted, Struct):
            self._members(node, wanted)
        elif isinstance(wanted, MapType):
            self._limits(node, wanted.limits, len(node.members), name)
        else:
            self._fits(node, wanted, Struct(name, {}), name)
        inner = {key: self._member(wanted, key) for key in node.members}
        return Struct(
            name,
            {key: self.check(value, inner[key], f"`{key}`") for key, value in node.members.items()},
        )

    @staticmethod
    def _member(wanted: Type, key: str) -> Type:
        if isinstance(wanted, Struct):
            return wanted.members.get(key, ANY)
        return wanted.value if isinstance(wanted, MapType) else ANY

    def _members(self, node: MapNode, wanted: Struct) -> None:
        for key, key_node in node.keys.items():
            if key not in wanted.members:
                hint = did_you_mean(key, list(wanted.members))
                if not hint and len(wanted.members) <= _SHOWN:
                    hint = f"it takes {', '.join(wanted.members) or 'none'}"
                self._found.add(key_node.where, f"{wanted.name} has no parameter `{key}`", hint)
        for key in sorted(wanted.required - node.members.keys()):
            self._found.add(node.where, f"{wanted.name} needs the parameter `{key}`")
        if wanted.only_one and len(node.members) != 1:
            self._found.add(node.where, f"{wanted.name} takes exactly one of its parameters")

    def _list(self, node: ListNode, wanted: Type, name: str) -> ListType:
        element = wanted.element if isinstance(wanted, ListType) else ANY
        if isinstance(wanted, ListType):
            self._limits(node, wanted.limits, len(node.items), name)
        else:
            self._fits(node, wanted, ListType(ANY), name)
        label = f"an element of {name}"
        return ListType(unify([self.check(item, element, label) for item in node.items]))

    def _text(self, node: ScalarNode, text: str, wanted: Type, name: str) -> Type:
        given = self._texts.template(node, self._roots)
        if "${{" not in text:
            self._literal(node, wanted, name)
        else:
            self._fits(node, wanted, given, name)
        return given

    def _fits(self, node: Node, wanted: Type, given: Type, name: str) -> None:
        if not takes(wanted, given):
            message = f"{name} is {words(wanted)}, and this gives {words(given)}"
            if isinstance(wanted, ListType) and isinstance(given, ListType):
                inner = f"{words(wanted.element)}, and of this {words(given.element)}"
                message = f"each element of {name} is {inner}"
            self._found.add(node.where, message)
        elif isinstance(wanted, Scalar) and isinstance(given, Scalar):
            self._choices(node, wanted, given, name)

    def _choices(self, node: Node, wanted: Scalar, given: Scalar, name: str) -> None:
        if not wanted.choices or not given.choices:
            return
        if not set(wanted.choices) & set(given.choices):
            message = f"{name} cannot be {' or '.join(map(repr, given.choices))}"
            hint = did_you_mean(given.choices[0], wanted.choices)
            self._found.add(node.where, message, hint or f"one of {', '.join(wanted.choices)}")

    def _literal(self, node: ScalarNode, wanted: Type, name: str) -> Type:
        value = node.value
        given = of_literal(value)
        if value is None:
            if not isinstance(wanted, AnyType):
                self._found.add(node.where, f"{name} is empty", "leave the key out")
        elif not _is_a(wanted, value):
            message = f"{name} is {words(wanted)}, not {node.written}"
            self._found.add(node.where, message, _retype(wanted, node))
        elif isinstance(wanted, Scalar):
            assert isinstance(given, Scalar)
            self._choices(node, wanted, given, name)
            self._value_limits(node, wanted, name)
        return given

    def _value_limits(self, node: ScalarNode, wanted: Scalar, name: str) -> None:
        value, limits = node.value, wanted.limits
        if isinstance(value, str):
            fits = self._limits(node, limits, len(value), name)
            if fits and limits.pattern and not matches(limits.pattern, value):
                message = f"{name} does not match the pattern that AWS asks for"
                self._found.add(node.where, message, limits.pattern)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            if limits.minimum is not None and value < limits.minimum:
                self._found.add(node.where, f"{name} must be {limits.minimum:g} or more")
            if limits.maximum is not None and value > limits.maximum:
                self._found.add(node.where, f"{name} must be {limits.maximum:g} or less")

    def _limits(self, node: Node, limits: Limits, length: int, name: str) -> bool:
        what = "characters" if isinstance(node, ScalarNode) else "elements"
        problem = ""
        if limits.minimum is not None and length < limits.minimum:
            least = f"has fewer than {limits.minimum:g} {what}"
            problem = least if length else "must not be empty"
        elif limits.maximum is not None and length > limits.maximum:
            problem = f"has more than {limits.maximum:g} {what}"
        if problem:
            self._found.add(node.where, f"{name} {problem}")
        return not problem


def _is_a(wanted: Type, value: Any) -> bool:
    """Return whether a literal may be given: YAML's own types, so nothing is guessed."""
    if isinstance(wanted, Scalar) and wanted.name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return takes(wanted, of_literal(value))


def _retype(wanted: Type, node: ScalarNode) -> str:
    if family(wanted) == "text" and not isinstance(node.value, str):
        return f'quote it: "{node.written}"'
    if family(wanted) in ("number", "boolean") and node.is_quoted:
        return "write it without quotes"
    if family(wanted) == "boolean" and isinstance(node.value, str):
        return "in YAML 1.2 only true and false are not text"
    return ""


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # AWS's patterns are written for another language
        try:
            return re.compile(pattern)
        except re.error:
            return None


def matches(pattern: str, text: str) -> bool:
    """Return whether a text is surely not refused by a service's pattern.

    AWS writes patterns for Java, some anchored and some not. Unanchored ones are taken to be for
    the whole text only where they end in a repetition.
    """
    compiled = _compiled(pattern)
    if compiled is None or len(text) > _LONGEST_MATCHED:
        return True
    whole = pattern.endswith(("+", "*", "}")) and "^" not in pattern and "$" not in pattern
    return bool(compiled.fullmatch(text) if whole else compiled.search(text))
