"""The words of a statement, each with its place: what the lexers of the dialects have in common."""

import abc
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from labrunner.localcloud.sql.errors import Place


class Kind(enum.Enum):
    """What a token is."""

    WORD = "word"
    QUOTED = "quoted identifier"
    STRING = "string"
    NUMBER = "number"
    PARAMETER = "parameter"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True)
class Token(abc.ABC):
    """A token: its text as written, and where it starts and ends in the text."""

    kind: Kind
    text: str
    start: int
    end: int
    place: Place

    @property
    def word(self) -> str:
        """The text of a word in capitals, else nothing."""
        return self.text.upper() if self.kind is Kind.WORD else ""

    @property
    @abc.abstractmethod
    def value(self) -> str:
        """What a string, a quoted identifier or a word means."""


Made = TypeVar("Made", bound=Token)
# Returns where the token that starts here ends, and its kind; None for space and comments.
Following = Callable[[str, int, Place], tuple[int, Kind | None]]


def tokens(text: str, following: Following, made: type[Made], end: str) -> list[Made]:
    """Return the tokens of a text; the last is the end, which reads `end`."""
    found = []
    line, line_start, at = 1, 0, 0
    while at < len(text):
        place = Place(line, at - line_start)
        stop, kind = following(text, at, place)
        if kind is not None:
            found.append(made(kind, text[at:stop], at, stop, place))
        newlines = text.count("\n", at, stop)
        if newlines:
            line += newlines
            line_start = text.rindex("\n", at, stop) + 1
        at = stop
    last = Place(line, len(text) - line_start)
    return [*found, made(Kind.END, end, len(text), len(text), last)]
