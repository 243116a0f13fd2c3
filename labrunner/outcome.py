"""What performing a call came to: an answer or a refusal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


def _unheard(_text: str) -> None:
    """Nobody listens to what a call says while it is under way."""


@dataclass(frozen=True)
class Call:
    """One thing to do in the world: its kind of action, its name and its arguments.

    `report` is told, line by line, what a long action shows and waits for.
    """

    kind: str
    name: str
    arguments: Mapping[str, Any]
    paginate: bool = False
    report: Callable[[str], None] = field(default=_unheard, compare=False, repr=False)


@dataclass(frozen=True)
class Answer:
    """The call succeeded; the result is plain data (JSON types, and bytes for bodies)."""

    result: Any


@dataclass(frozen=True)
class Refusal:
    """The call failed with a code.

    `certain` is true when the call surely changed nothing: refused outright, not timed out,
    not broken off, not retried underneath.
    """

    code: str
    message: str
    status: int = 0
    request_id: str = ""
    certain: bool = True
    response: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.code}: {self.message}{request}"


Outcome = Answer | Refusal
Perform = Callable[[Call], Outcome]
