"""The types of values, as far as they are known before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class AnyType:
    """Nothing is known."""

    def __str__(self) -> str:
        return "anything"


@dataclass(frozen=True)
class Limits:
    """What a service accepts: lengths of texts, lists and maps; values of numbers; a pattern."""

    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""


UNLIMITED = Limits()


@dataclass(frozen=True)
class Scalar:
    """A string, number, boolean, bytes or null; `choices` when only some texts are valid."""

    name: str
    choices: tuple[str, ...] = ()
    limits: Limits = field(default=UNLIMITED, compare=False)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class ListType:
    """A list of elements of one type."""

    element: "Type"
    limits: Limits = field(default=UNLIMITED, compare=False)

    def __str__(self) -> str:
        return f"list of {self.element}"


@dataclass(frozen=True)
class MapType:
    """Free keys, values of one type."""

    value: "Type"
    limits: Limits = field(default=UNLIMITED, compare=False)

    def __str__(self) -> str:
        return f"map of {self.value}"


@dataclass(frozen=True, eq=False)
class Struct:
    """Known members; the mapping may make its types on demand, as service models recurse.

    With `only_one`, exactly one of the members is given.
    """

    name: str
    members: Mapping[str, "Type"]
    required: frozenset[str] = field(default_factory=frozenset)
    only_one: bool = False

    def __str__(self) -> str:
        return self.name


Type = AnyType | Scalar | ListType | MapType | Struct

ANY = AnyType()
STRING = Scalar("string")
NUMBER = Scalar("number")
INTEGER = Scalar("integer")
BOOLEAN = Scalar("boolean")
BYTES = Scalar("bytes")
NULL = Scalar("null")
TIMESTAMP = Scalar("timestamp")
