"""Where a line is broken: between words, by the room that they take on a terminal."""

import re
import unicodedata
from collections.abc import Iterator

_WORD = re.compile(r"\S+")


def rows(text: str, first: int, rest: int) -> Iterator[tuple[int, int]]:
    """Yield where each row begins and ends; `first` and `rest` are widths in cells.

    A word that is wider than its row stays whole: it is there to be copied.
    """
    begin, end, room = 0, 0, first
    for word in _WORD.finditer(text):
        if end and cells(text[begin : word.end()]) > room:
            yield begin, end
            begin, room = word.start(), rest
        end = word.end()
    yield begin, end


def cells(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
