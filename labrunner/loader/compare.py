"""Comparisons that can only come out one way."""

from collections.abc import Iterator, Sequence
from typing import Any

from labrunner.errors import did_you_mean
from labrunner.expressions import Type
from labrunner.expressions.types import ListType, Scalar
from labrunner.loader.fitting import family, words

_Node = dict[str, Any]
_Problem = tuple[_Node, str, str]
_SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


def problems(node: _Node, left: Type, right: Type) -> Iterator[_Problem]:
    """Yield what is wrong with a comparison: the part, the message, the hint."""
    sign = node["value"]
    sides = node["children"]
    if sign not in ("eq", "ne"):
        yield from _order(_SIGNS[sign], sides, (left, right))
        return
    always = "never true" if sign == "eq" else "always true"
    if family(left) and family(right) and family(left) != family(right):
        message = f"this is {always}: it compares {words(left)} with {words(right)}"
        yield node, message, _as_literal(sides, (left, right))
        return
    yield from not_among(sides[0], right, always)
    yield from not_among(sides[1], left, always)


def not_among(node: _Node, known: Type, always: str) -> Iterator[_Problem]:
    """Yield the literal texts of a part that are no value of a text with known choices."""
    if isinstance(known, ListType):
        known = known.element
    if not isinstance(known, Scalar) or not known.choices:
        return
    for text, part in _texts(node):
        if text not in known.choices:
            hint = did_you_mean(text, known.choices) or f"one of {', '.join(known.choices)}"
            yield part, f"this is {always}: {text!r} is not one of the possible values", hint


def _texts(node: _Node) -> Iterator[tuple[str, _Node]]:
    if node["type"] == "literal":
        values = node["value"] if isinstance(node["value"], list) else [node["value"]]
        yield from ((value, node) for value in values if isinstance(value, str))
    elif node["type"] == "multi_select_list":
        for child in node["children"]:
            yield from _texts(child)


def _order(sign: str, sides: Sequence[_Node], kinds: Sequence[Type]) -> Iterator[_Problem]:
    for side, kind in zip(sides, kinds, strict=True):
        if family(kind) not in ("", "number"):
            yield side, f"`{sign}` compares numbers, and this is {words(kind)}", ""


def _as_literal(sides: Sequence[_Node], kinds: Sequence[Type]) -> str:
    """Suggest backticks for a number or boolean that was written as a text."""
    for side, other in zip(sides, reversed(kinds), strict=True):
        if side["type"] == "literal" and family(other) in ("number", "boolean"):
            return f"write `{side['value']}`, in backticks"
        if side["type"] == "literal" and family(other) == "text":
            return f"write '{side['value']}', in quotes"
    return ""
