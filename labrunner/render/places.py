"""Where an event belongs: paths of steps such as `setup[1].bucket[0]`, and their headings."""

import re
from collections.abc import Sequence

from labrunner.events import StepHead

_ROOT = re.compile(r"[.\[]")
_ITEM = re.compile(r"\[(\d+)\]$")


def owner(path: str) -> str:
    """Return the path of the step that an element of its `for_each` belongs to."""
    return _ITEM.sub("", path)


def item(path: str) -> str:
    """Return " (item 2)" for the second element of a `for_each`, else nothing."""
    found = _ITEM.search(path)
    return f" (item {int(found[1]) + 1})" if found else ""


class Numbers:
    """The numbers of a lab's steps: "[ 3/28] "."""

    def __init__(self, heads: Sequence[StepHead] = ()) -> None:
        self._at = {head.id: number for number, head in enumerate(heads, 1)}
        self._digits = len(str(len(heads)))

    def __len__(self) -> int:
        return len(self._at)

    @property
    def width(self) -> int:
        """How wide a number is."""
        return 2 * self._digits + 4 if self._at else 2

    def of(self, path: str) -> str:
        """Return the number of a step; a composite's step has that of the step it is inside of."""
        outer = top(path)
        inside = "" if outer == path else "▸ "
        number = self._at.get(outer)
        if number is None:
            return inside
        return f"[{number:>{self._digits}}/{len(self._at)}] {inside}"


def top(path: str) -> str:
    """Return the id of the lab's step that the path is inside of."""
    return _ROOT.split(path, maxsplit=1)[0]
