"""Events as plain lines: for a log, a pipe, a file; no colour, and nothing is overwritten."""

from collections.abc import Iterable, Iterator
from typing import TextIO

from labrunner.events import Event
from labrunner.render.stream import Stream
from labrunner.render.text import Line, visible
from labrunner.render.words import Words

_WIDTH = 80


class Plain:
    """Writes the lines of each event; `earlier` are the events of a run that is continued."""

    def __init__(
        self, stream: TextIO, *, width: int = _WIDTH, earlier: Iterable[Event] = ()
    ) -> None:
        self._stream = Stream(stream)
        self._width = width
        self._words = Words(live=False)
        for event in earlier:
            self._words.say(event)

    def __call__(self, event: Event) -> None:
        """Write what is said of the event; raises BrokenPipeError when nobody reads any more."""
        for said in self._words.say(event):
            for row in self._painted(said):
                self._stream.line(row)

    def close(self) -> None:
        """Do nothing: every line was flushed."""

    def _painted(self, said: Line) -> Iterator[str]:
        text = "".join(visible(text, self._stream.encoding) for text, _ in said.spans)
        for indent, begin, end in said.rows(text, self._width):
            yield (" " * indent + text[begin:end]).rstrip()
