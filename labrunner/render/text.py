"""Lines as they are said, before they are painted; and what makes any text fit to be shown."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from labrunner.render.layout import rows

Tone = Literal["", "title", "dim", "good", "bad", "warn", "command"]
Span = tuple[str, Tone]

_LONGEST = 600
_KEY = 10
# Of the format characters only this one neither reorders nor hides what stands beside it.
_JOINER = "\N{ZERO WIDTH JOINER}"
_SPACES = re.compile(r"\s*[\n\r\t]\s*")
_ASCII = str.maketrans(
    {"✓": "+", "✗": "X", "○": "o", "…": "...", "—": "-", "·": "|", "▸": ">", "•": "*"}
)


@dataclass(frozen=True)
class Line:
    """One line to paint; continued lines are indented by `hang` more; `whole` is never wrapped."""

    spans: tuple[Span, ...] = ()
    indent: int = 0
    hang: int = 0
    whole: bool = False

    def rows(self, text: str, width: int) -> Iterator[tuple[int, int, int]]:
        """Yield the indent, the begin and the end of each row of the line's visible text."""
        if self.whole:
            yield self.indent, 0, len(text)
            return
        room, indent = width - self.indent, self.indent
        for begin, end in rows(text, room, room - self.hang):
            yield indent, begin, end
            indent = self.indent + self.hang


BLANK = Line()


def line(*spans: str | Span, indent: int = 0, hang: int = 0, whole: bool = False) -> Line:
    """Return a line of texts, and of texts with their tones."""
    toned: list[Span] = [(span, "") if isinstance(span, str) else span for span in spans]
    return Line(tuple(span for span in toned if span[0]), indent, hang, whole)


def pair(key: str, value: str, *, indent: int = 0, tone: Tone = "", whole: bool = False) -> Line:
    """Return a line that gives a value under its key."""
    spans: tuple[Span, ...] = ((f"{key:<{_KEY}}", "dim"), (value, tone))
    return Line(spans, indent, _KEY, whole)


def visible(text: str, encoding: str = "utf-8") -> str:
    """Return the text on one line, without anything that a terminal would obey or cannot show."""
    shown = "".join(map(_visible, _SPACES.sub(" ", text)))
    if unicode(encoding):
        return shown
    return shown.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)


def unicode(encoding: str) -> bool:
    """Return whether the encoding can hold every character."""
    return encoding.lower().startswith("utf")


def _visible(character: str) -> str:
    if character.isprintable() or character == _JOINER or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode("ascii")


def short(text: str, longest: int = _LONGEST) -> str:
    """Return the text, cut when it is very long, with how much was cut."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text) - longest} more characters)"


def duration(seconds: float) -> str:
    """Return a time as people read it: "0.2 s", "12 min 5 s", "2 h 3 min"."""
    if seconds < 60:  # noqa: PLR2004 - clocks are known
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def usd(amount: float | None, digits: int = 2) -> str:
    """Return an amount of US dollars; null is unknown, never nothing."""
    if amount is None:
        return "unknown"
    least: float = 10.0**-digits
    return f"under {least}" if 0 < amount < least else f"{amount:.{digits}f}"


def many(number: int, one: str, more: str = "") -> str:
    """Return "1 step", "2 steps"."""
    return f"{number} {one if number == 1 else more or one + 's'}"
