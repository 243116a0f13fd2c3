"""Events for programs: one JSON document a line."""

import json
from typing import TextIO

from labrunner import __version__
from labrunner.events import SCHEMA, Event, encode
from labrunner.render.stream import Stream


class JsonLines:
    """Writes each event as a line of JSON, in ASCII so that any stream can hold it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = Stream(stream)
        self._write({"kind": "stream_started", "schema": SCHEMA, "labrunner": __version__})

    def __call__(self, event: Event) -> None:
        """Write the event; raises BrokenPipeError when nobody reads any more."""
        self._write(json.loads(encode(event)))

    def close(self) -> None:
        """Do nothing: every line was flushed."""

    def _write(self, document: object) -> None:
        self._stream.line(json.dumps(document, separators=(",", ":")))
