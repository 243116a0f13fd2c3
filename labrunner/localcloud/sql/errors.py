"""What a statement fails with."""

from dataclasses import dataclass, replace
from typing import Literal

# parse: not a statement; semantic: a name, a type or a rule; unsupported: the real engine would
# do it; execution: the data or the storage; cancelled: by `cancel`.
Kind = Literal["parse", "semantic", "unsupported", "execution", "cancelled"]


@dataclass(frozen=True)
class Place:
    """Where in a script: `line` counts from 1, `column` from 0, as Hive counts."""

    line: int
    column: int


class SqlError(Exception):
    """A statement that failed: why, where, and which statement.

    `message` is the dialect's own wording where it is known, such as Hive's
    `FAILED: SemanticException [Error 10001]: Line 1:14 Table not found 'x'`.
    """

    def __init__(
        self, kind: Kind, message: str, place: Place | None = None, statement: str = ""
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.place = place
        self.statement = statement

    def within(self, first: Place, statement: str) -> "SqlError":
        """Return the error as of a script, of which the statement begins at a place."""
        place = shifted(self.place, first) if self.place else first
        return SqlError(self.kind, self.message, place, self.statement or statement)


def shifted(place: Place, first: Place) -> Place:
    """Return a place of a text as a place of what the text begins in."""
    if place.line == 1:
        return replace(first, column=first.column + place.column)
    return Place(first.line + place.line - 1, place.column)


def unsupported(what: str, place: Place | None = None) -> SqlError:
    """Return the refusal of what the real engine has and this one does not."""
    return SqlError("unsupported", f"{what} is not supported by the local engine", place)
