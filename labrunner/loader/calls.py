"""Calls of functions in expressions: known, with the right arguments, and what they give."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labrunner.errors import did_you_mean
from labrunner.expressions import Type
from labrunner.expressions.functions import RESULTS, Functions
from labrunner.expressions.types import ANY, ListType, MapType
from labrunner.loader import compare
from labrunner.loader.fitting import family, unify, words

if TYPE_CHECKING:
    from labrunner.loader.infer import Inference

_Node = dict[str, Any]
_Signature = Sequence[Mapping[str, Any]]

# Functions that take a few more arguments than their signature lists, where JMESPath sees any
# number of them.
_MOST = {"s3_url": 3}
_FAMILIES = {
    "string": "text",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "map",
}
_ARGUMENTS = {
    "string": "text",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "array-number": "a list of numbers",
    "array-string": "a list of texts",
    "expref": "an &expression",
}


def check(inference: "Inference", node: _Node, current: Type) -> Type:
    """Return what a call gives, and note what is wrong with it."""
    name, arguments = node["value"], node["children"]
    table = Functions.FUNCTION_TABLE
    kinds = _arguments(inference, arguments, current)
    if name not in table:
        hint = did_you_mean(name, list(table)) or f"there are {', '.join(sorted(table))}"
        inference.add(node, f"there is no function {name}()", hint)
        return ANY
    signature: _Signature = table[name]["signature"]
    if wrong := _wrong_count(name, signature, len(arguments)):
        inference.add(node, wrong)
        return ANY
    _check_types(inference, node, kinds, signature)
    if name in ("file", "text") and arguments[0]["type"] == "literal":
        inference.add_file(arguments[0], str(arguments[0]["value"]))
    if name == "contains":
        _check_contains(inference, arguments, kinds)
    return _SPECIAL[name](kinds) if name in _SPECIAL else RESULTS.get(name, ANY)


def _arguments(inference: "Inference", nodes: Sequence[_Node], current: Type) -> list[Type]:
    """Return the arguments' types; an &expression is applied to the elements of the list."""
    plain = {
        index: inference.visit(node, current)
        for index, node in enumerate(nodes)
        if node["type"] != "expref"
    }
    lists = [kind for kind in plain.values() if isinstance(kind, ListType)]
    element = lists[0].element if lists else ANY
    return [
        plain[index] if index in plain else inference.visit(node["children"][0], element)
        for index, node in enumerate(nodes)
    ]


def _wrong_count(name: str, signature: _Signature, given: int) -> str:
    least = len(signature)
    variadic = bool(signature and signature[-1].get("variadic"))
    most = _MOST.get(name, given if variadic else least)
    if least <= given <= max(most, least):
        return ""
    number = str(least) if least == most else f"{least} or {most}"
    number = f"{least} or more" if variadic and name not in _MOST else number
    noun = "argument" if number == "1" else "arguments"
    return f"{name}() takes {number} {noun}, and is given {given}"


def _check_types(
    inference: "Inference", node: _Node, kinds: Sequence[Type], signature: _Signature
) -> None:
    for index, (argument, kind) in enumerate(zip(node["children"], kinds, strict=True)):
        allowed = signature[min(index, len(signature) - 1)]["types"]
        is_expression = argument["type"] == "expref"
        if "expref" in allowed or is_expression:
            fits = "expref" in allowed and is_expression
        else:
            fits = not allowed or any(_fits(kind, name) for name in allowed)
        if not fits:
            wanted = " or ".join(_ARGUMENTS.get(name, name) for name in allowed)
            given = "an &expression" if is_expression else words(kind)
            inference.add(argument, f"{node['value']}() takes {wanted}, and this is {given}")


def _fits(kind: Type, allowed: str) -> bool:
    outer, _, inner = allowed.partition("-")
    if family(kind) not in ("", _FAMILIES.get(outer, outer)):
        return False
    if inner and isinstance(kind, ListType):
        return family(kind.element) in ("", _FAMILIES[inner])
    return True


def _check_contains(
    inference: "Inference", arguments: Sequence[_Node], kinds: Sequence[Type]
) -> None:
    """A list that can never contain the text, as it is none of the possible values."""
    subject, search = arguments
    if not isinstance(kinds[0], ListType):
        return
    for pair in ((subject, kinds[1]), (search, kinds[0])):
        for part, message, hint in compare.not_among(*pair, always="never found"):
            inference.add(part, message, hint)


def _element(kinds: Sequence[Type]) -> Type:
    return kinds[0].element if isinstance(kinds[0], ListType) else ANY


def _same_list(kinds: Sequence[Type]) -> Type:
    return kinds[0] if isinstance(kinds[0], ListType) else ANY


def _values(kinds: Sequence[Type]) -> Type:
    return ListType(kinds[0].value if isinstance(kinds[0], MapType) else ANY)


# What a call gives where that depends on what it is given.
_SPECIAL: Mapping[str, Callable[[Sequence[Type]], Type]] = {
    "map": lambda kinds: ListType(kinds[0]),
    "max": _element,
    "max_by": _element,
    "min": _element,
    "min_by": _element,
    "not_null": unify,
    "reverse": lambda kinds: kinds[0],
    "sort": _same_list,
    "sort_by": _same_list,
    "to_array": lambda kinds: kinds[0] if isinstance(kinds[0], ListType) else ListType(kinds[0]),
    "values": _values,
    "where": _same_list,
}
