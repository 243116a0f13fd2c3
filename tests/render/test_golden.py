"""What people read, compared with golden texts; LABRUNNER_GOLDEN=write writes them anew."""

import io
import os
import re
from pathlib import Path

import pytest

from labrunner.events import Event
from labrunner.render.console import Console, Terminal
from labrunner.render.plain import Plain
from tests.render import stories
from tests.render.stories import STORIES

GOLDEN = Path(__file__).parent / "golden"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Stream(io.StringIO):
    """Collects what is written, under an encoding."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding


def plain(events: list[Event], *, width: int = 80, encoding: str = "utf-8") -> str:
    stream = Stream(encoding)
    renderer = Plain(stream, width=width)
    for event in events:
        renderer(event)
    renderer.close()
    return stream.getvalue()


def console(
    events: list[Event],
    *,
    width: int = 80,
    terminal: bool = False,
    encoding: str = "utf-8",
    environ: dict[str, str] | None = None,
) -> str:
    stream = Stream(encoding)
    renderer = Console(
        Terminal(
            file=stream,
            width=width,
            height=40,
            force_terminal=terminal,
            _environ={"TERM": "xterm-256color"} | (environ or {}),
        )
    )
    for event in events:
        renderer(event)
    renderer.close()
    return stream.getvalue()


def compare(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("LABRUNNER_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def screen_lines(text: str) -> list[str]:
    """Return what stays on the screen, without colours and the frames of the live area."""
    return [line.rpartition("\r")[2].rstrip() for line in _ESCAPES.sub("", text).split("\n")]


@pytest.mark.parametrize("name", STORIES)
def test_plain(name: str) -> None:
    text = plain(STORIES[name]())
    assert "\r" not in text
    assert "\x1b" not in text
    compare(f"plain-{name}", text)


@pytest.mark.parametrize("name", STORIES)
def test_console(name: str) -> None:
    text = console(STORIES[name]())
    assert "\x1b" not in text
    compare(f"console-{name}", text)


@pytest.mark.parametrize("name", ["failed_check", "passed", "left_behind"])
def test_narrow(name: str) -> None:
    text = console(STORIES[name](), width=60)
    compare(f"narrow-{name}", text)
    # Only what is there to be copied is wider: a command, a row of the table.
    to_copy = ("by hand", "type", "s3.bucket", "ec2.instance")
    wide = [line.strip() for line in text.splitlines() if len(line) > 60]
    assert [line for line in wide if not line.startswith(to_copy)] == []


@pytest.mark.parametrize("name", STORIES)
def test_on_a_terminal_every_finished_line_stays(name: str) -> None:
    text = console(STORIES[name](), terminal=True)
    stays = screen_lines(text)
    golden = (GOLDEN / f"console-{name}.txt").read_text(encoding="utf-8").splitlines()
    kept = iter(stays)
    assert [line for line in golden if line and line not in kept] == []


def test_a_run_that_is_continued_counts_what_was_done_before() -> None:
    stream = io.StringIO()
    renderer = Plain(stream, earlier=stories.interrupted())
    for event in stories.resumed():
        renderer(event)
    compare("plain-resumed", stream.getvalue())


def test_colours_are_there_unless_no_color_is_set() -> None:
    coloured = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
    events = stories.failed_check()
    assert coloured.search(console(events, terminal=True))
    without = console(events, terminal=True, environ={"NO_COLOR": "1"})
    assert not coloured.search(without)
    assert "an instance profile gives" in without


@pytest.mark.parametrize("name", ["failed_check", "passed", "torn_down"])
def test_without_unicode_all_is_ascii(name: str) -> None:
    text = plain(STORIES[name](), encoding="ascii")
    assert text.isascii()
    compare(f"ascii-{name}", text)
    shown = console(STORIES[name](), terminal=True, encoding="ascii")
    assert shown.isascii()
