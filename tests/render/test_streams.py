"""Renderers write at once, and do not stop a run when nobody can read them."""

import errno
import io
import json
import subprocess
import sys
from collections.abc import Callable
from typing import TextIO

import pytest

from labrunner import __version__
from labrunner.events import SCHEMA, Event, decode
from labrunner.render.console import Console, Terminal
from labrunner.render.jsonl import JsonLines
from labrunner.render.plain import Plain
from tests.render import stories

Make = Callable[[TextIO], Callable[[Event], None]]
PROGRAMS = pytest.mark.parametrize(
    "make",
    [JsonLines, Plain, lambda stream: Console(Terminal(file=stream))],
    ids=["jsonl", "plain", "console"],
)


class Broken(io.StringIO):
    """Fails when it is written to, once told to."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error
        self.broken = False

    def write(self, text: str) -> int:
        if self.broken:
            raise self.error
        return super().write(text)


class Flushed(io.StringIO):
    """Counts the lines that were flushed."""

    seen = 0

    def flush(self) -> None:
        self.seen = len(self.getvalue().splitlines())


def test_json_lines_begin_with_what_they_are_and_give_back_the_events() -> None:
    stream = io.StringIO()
    renderer = JsonLines(stream)
    for event in stories.passed():
        renderer(event)
    renderer.close()
    head, *lines = stream.getvalue().splitlines()
    assert json.loads(head) == {
        "kind": "stream_started",
        "schema": SCHEMA,
        "labrunner": __version__,
    }
    assert [decode(line) for line in lines] == stories.passed()


@pytest.mark.parametrize("make", [JsonLines, Plain])
def test_each_line_is_flushed(make: Make) -> None:
    stream = Flushed()
    renderer = make(stream)
    for event in stories.passed():
        renderer(event)
        assert stream.seen == len(stream.getvalue().splitlines())


@PROGRAMS
def test_a_full_disk_behind_the_output_stops_no_run(make: Make) -> None:
    stream = Broken(OSError(errno.ENOSPC, "No space left on device"))
    renderer = make(stream)
    stream.broken = True
    for event in stories.passed():
        renderer(event)


@PROGRAMS
def test_a_reader_that_went_away_is_told(make: Make) -> None:
    stream = Broken(BrokenPipeError())
    renderer = make(stream)
    stream.broken = True
    with pytest.raises(BrokenPipeError):
        renderer(stories.passed()[0])


def test_rich_is_loaded_for_a_terminal_only() -> None:
    code = (
        "import sys, labrunner.render.plain, labrunner.render.jsonl, labrunner.render.junit;"
        "sys.exit('rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
