"""What types have to do with each other, and the words for them."""

from collections.abc import Iterable, Mapping
from typing import Any

from labrunner.expressions.types import (
    ANY,
    BOOLEAN,
    INTEGER,
    NULL,
    NUMBER,
    AnyType,
    ListType,
    MapType,
    Scalar,
    Struct,
    Type,
)

_WORDS = {
    "string": "text",
    "timestamp": "a time as text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "bytes": "binary data",
    "null": "null",
}
_FAMILIES = {"string": "text", "timestamp": "text", "integer": "number"}
# What may be sent where a scalar of this family is wanted.
_TAKES: Mapping[str, frozenset[str]] = {
    "bytes": frozenset({"bytes", "text"}),
    "timestamp": frozenset({"text", "number"}),
}


def words(kind: Type) -> str:
    """Return the type as it reads after "is": "text", "a list of numbers"."""
    if isinstance(kind, Scalar):
        return _WORDS.get(kind.name, kind.name)
    if isinstance(kind, ListType):
        return "a list"
    return "anything" if isinstance(kind, AnyType) else "a mapping"


def family(kind: Type) -> str:
    """Return which values can be equal: text, number, boolean, bytes, list, map; "" is unknown."""
    if isinstance(kind, Scalar):
        return "" if kind.name == "null" else _FAMILIES.get(kind.name, kind.name)
    if isinstance(kind, AnyType):
        return ""
    return "list" if isinstance(kind, ListType) else "map"


def of_literal(value: Any) -> Type:
    """Return the type of a value; of a text, that text is the one choice."""
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, str):
        return Scalar("string", (value,))
    if isinstance(value, int):
        return INTEGER
    if isinstance(value, float):
        return NUMBER
    if isinstance(value, list):
        return ListType(unify(of_literal(item) for item in value))
    if isinstance(value, Mapping):
        members = {str(key): of_literal(item) for key, item in value.items()}
        return Struct("this mapping", members)
    return NULL


def unify(kinds: Iterable[Type]) -> Type:
    """Return the type of a value that may be of any of these."""
    known = [kind for kind in kinds if kind != NULL]
    if not known:
        return ANY
    joined = known[0]
    for kind in known[1:]:
        joined = _both(joined, kind)
    return joined


def _both(left: Type, right: Type) -> Type:
    if left is right:
        return left
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        return _scalars(left, right)
    if isinstance(left, ListType) and isinstance(right, ListType):
        return ListType(unify([left.element, right.element]))
    if isinstance(left, MapType) and isinstance(right, MapType):
        return MapType(unify([left.value, right.value]))
    if isinstance(left, Struct) and isinstance(right, Struct):
        return _structs(left, right)
    return ANY


def _scalars(left: Scalar, right: Scalar) -> Type:
    if family(left) != family(right):
        return ANY
    # A text that may be anything may be any of the other's choices too.
    choices = (*left.choices, *right.choices) if left.choices and right.choices else ()
    name = left.name if left.name == right.name else family(left).replace("text", "string")
    return Scalar(name, tuple(dict.fromkeys(choices)))


def _structs(left: Struct, right: Struct) -> Struct:
    names = dict.fromkeys([*left.members, *right.members])
    members = {
        name: unify(side.members[name] for side in (left, right) if name in side.members)
        for name in names
    }
    return Struct(left.name, members)


def takes(wanted: Type, given: Type) -> bool:
    """Return whether a value of one type may be given where the other is wanted."""
    if not family(wanted) or not family(given):
        return True
    if isinstance(wanted, Scalar):
        allowed = _TAKES.get(wanted.name, {family(wanted)})
        return family(given) in allowed
    if isinstance(wanted, ListType):
        return isinstance(given, ListType) and takes(wanted.element, given.element)
    return family(given) == "map"
