"""A stream that can be written to without harm: a run goes on when its output cannot."""

from typing import TextIO


class Stream:
    """Writes lines, flushed one by one; falls silent when the stream fails."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def line(self, text: str) -> None:
        """Write a line; raises BrokenPipeError when nobody reads any more."""
        if self._stream is None:
            return
        try:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError:
            self._stream = None
