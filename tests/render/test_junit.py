"""JUnit reports: whole at any moment, and never green by accident."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from labrunner.errors import Failure
from labrunner.events import Event, StepFinished
from labrunner.render.junit import JUnit
from tests.render import stories
from tests.render.stories import STORIES
from tests.render.test_golden import compare

# What the schema of Jenkins' xUnit plugin (junit-10.xsd) allows: required attributes, further
# ones, children.
SCHEMA: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"time", "skipped", "timestamp", "hostname", "id"},
        {"properties", "testcase"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"name"}, {"classname", "time"}, {"skipped", "error", "failure"}),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"type", "message"}, set()),
}


def assert_valid(element: ET.Element) -> None:
    required, more, children = SCHEMA[element.tag]
    assert required <= set(element.keys()) <= required | more
    for child in element:
        assert child.tag in children
        assert_valid(child)


def report(events: list[Event], path: Path, *, earlier: list[Event] | None = None) -> ET.Element:
    renderer = JUnit(path, earlier=earlier or [])
    for event in events:
        renderer(event)
    renderer.close()
    return parsed(path)


def parsed(path: Path) -> ET.Element:
    root = ET.parse(path).getroot()
    assert_valid(root)
    suite = root.find("testsuite")
    assert suite is not None
    cases = suite.findall("testcase")
    assert suite.get("tests") == str(len(cases))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert suite.get(name) == str(len(suite.findall(f"testcase/{tag}")))
    return suite


def bad(suite: ET.Element) -> list[tuple[str | None, str, str | None]]:
    return [
        (case.get("classname"), verdict.tag, verdict.get("message"))
        for case in suite.findall("testcase")
        for verdict in case
    ]


@pytest.mark.parametrize("name", STORIES)
def test_reports_are_as_they_were(name: str, tmp_path: Path) -> None:
    path = tmp_path / "reports" / "junit.xml"
    report(STORIES[name](), path)
    compare(f"junit-{name}", path.read_text(encoding="utf-8"))
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_check_is_told_once(tmp_path: Path) -> None:
    verdicts = bad(report(stories.failed_check(), tmp_path / "junit.xml"))
    not_run = "not run: a step before it failed"
    assert verdicts == [
        ("s3-intro.machine", "failure", "not proved: an instance profile gives a machine a role"),
        ("s3-intro.one_open", "skipped", not_run),
        ("s3-intro.site", "skipped", not_run),
        ("s3-intro.policy", "skipped", not_run),
    ]


def test_a_refused_call_is_an_error_of_the_innermost_step(tmp_path: Path) -> None:
    verdicts = bad(report(stories.refused_call(), tmp_path / "junit.xml"))
    errors = [verdict for verdict in verdicts if verdict[1] == "error"]
    assert errors == [("s3-intro.machine.start", "error", "ec2.run_instances failed")]


def test_what_a_crash_leaves_is_whole_and_red(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    renderer = JUnit(path)
    events = stories.passed()
    renderer(events[0])
    assert len(bad(parsed(path))) == len(stories.STEPS)
    for event in events[1:-1]:
        renderer(event)
        verdicts = {tag for _, tag, _ in bad(parsed(path))}
        assert isinstance(event, StepFinished) or verdicts & {"error", "skipped"}


def test_an_interrupted_run_is_red(tmp_path: Path) -> None:
    verdicts = bad(report(stories.interrupted(), tmp_path / "junit.xml"))
    assert ("s3-intro.machine", "error", "the run was interrupted") in verdicts


def test_a_run_that_is_continued_reports_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    suite = report(stories.resumed(), path, earlier=stories.interrupted())
    names = [case.get("classname") for case in suite.findall("testcase")]
    assert "s3-intro.private" in names
    assert [verdict for verdict in bad(suite) if verdict[1] != "skipped"] == []


def test_what_is_left_behind_is_an_error(tmp_path: Path) -> None:
    [(place, tag, message)] = bad(report(stories.left_behind(), tmp_path / "junit.xml"))
    assert (place, tag) == ("s3-intro.teardown", "error")
    assert message
    assert message.startswith("AccessDenied: ")


def test_a_report_that_cannot_be_written_is_said_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").mkdir()
    renderer = JUnit(tmp_path / "junit.xml")
    for event in stories.passed():
        renderer(event)
    with pytest.raises(Failure, match="could not be written"):
        renderer.close()
