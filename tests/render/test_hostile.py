"""Text that nobody can vouch for: of labs, of AWS, of whoever named a bucket."""

import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from labrunner.events import Event, Problem
from labrunner.render.jsonl import JsonLines
from labrunner.render.junit import JUnit
from labrunner.render.text import short, visible
from tests.render.stories import Story
from tests.render.test_golden import console, plain

CLEAR = "\x1b[2J\x1b]0;owned\x07\x9b31m"
HOSTILE = f"[bold]not bold[/bold] [/] :smile: {CLEAR}\r\x08\x00 \u202egnp.exe\u2066\u200b \ufffe"
SHOWN = (
    "[bold]not bold[/bold] [/] :smile: "
    r"\x1b[2J\x1b]0;owned\x07\x9b31m \x08\x00 \u202egnp.exe\u2066\u200b \ufffe"
)


def hostile() -> list[Event]:
    story = Story()
    story.started()
    story.step("bucket", HOSTILE, HOSTILE, title=HOSTILE)
    story.created("bucket", "s3.bucket", {"Bucket": HOSTILE})
    story.waiting("bucket", HOSTILE, HOSTILE, 1, 2)
    story.check("bucket", HOSTILE, HOSTILE, "failed", that=HOSTILE, got=HOSTILE, hint=HOSTILE)
    problem = Problem(what=HOSTILE, why=HOSTILE, code=HOSTILE, where=HOSTILE, next_command=HOSTILE)
    story.over("bucket", "failed", problem=problem)
    story.step("upload", HOSTILE)
    story.over("upload", "skipped", reason=HOSTILE)
    story.ended("failed", (0, 1, 0), (0, 1, 1))
    return story.events


def test_it_is_shown_and_not_obeyed() -> None:
    assert visible(HOSTILE) == SHOWN


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_no_control_character_reaches_a_log_or_a_terminal(encoding: str) -> None:
    for text in (plain(hostile(), encoding=encoding), console(hostile(), encoding=encoding)):
        assert {c for c in text if not c.isprintable()} == {"\n"}
        assert "[bold]not bold[/bold] [/] :smile:" in text
        text.encode(encoding)


def test_the_live_area_neither() -> None:
    text = console(hostile(), terminal=True)
    assert "\x1b[2J" not in text
    assert "\x1b]0;" not in text
    assert "\x9b" not in text


def test_wide_characters_are_measured_as_a_terminal_does() -> None:
    story = Story()
    story.started()
    story.step("bucket", "s3.create_bucket", "私 の 羊 の 写 真 を 見 て くだ さ い ね " * 5)
    rows = plain(story.events).splitlines()
    assert max(len(row) + sum(not c.isascii() for c in row) for row in rows[3:]) <= 80


def test_long_text_is_cut_and_says_so() -> None:
    assert short("x" * 700) == "x" * 600 + "… (100 more characters)"
    assert short("x" * 600) == "x" * 600


def test_json_lines_are_json_whatever_they_hold() -> None:
    stream = io.StringIO()
    renderer = JsonLines(stream)
    for event in hostile():
        renderer(event)
    lines = stream.getvalue().splitlines()
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert json.loads(lines[2])["title"] == HOSTILE
    assert len(lines) == len(hostile()) + 1


def test_the_junit_report_stays_xml(tmp_path: Path) -> None:
    renderer = JUnit(tmp_path / "junit.xml")
    for event in hostile():
        renderer(event)
    renderer.close()
    case = ET.parse(tmp_path / "junit.xml").getroot().find(".//failure")
    assert case is not None
    assert case.text == f"expected: {SHOWN}\ngot: {SHOWN}\nhint: {SHOWN}"
