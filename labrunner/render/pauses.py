"""Which of the many looks of a wait are worth a line of their own."""

from dataclasses import dataclass

_CHANGED = 5.0
_SAME = 60.0


@dataclass(frozen=True)
class _Said:
    what: str
    seen: str
    at: float


class Pauses:
    """Remembers what was last said of each wait."""

    def __init__(self) -> None:
        self._said: dict[str, _Said] = {}

    def worth_a_line(self, path: str, what: str, seen: str, at: float) -> bool:
        """Return whether this look is news; `at` is in seconds."""
        last = self._said.get(path)
        if last and last.what == what and at - last.at < (_SAME if last.seen == seen else _CHANGED):
            return False
        self._said[path] = _Said(what, seen, at)
        return True

    def over(self, path: str) -> None:
        """Forget a step that has ended."""
        self._said.pop(path, None)
