"""A run as a JUnit XML file, for continuous integration servers."""

import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from labrunner.errors import Failure
from labrunner.events import Event, RunFinished, RunStarted, StepFinished, TeardownFinished
from labrunner.render.cases import Case, Cases
from labrunner.render.text import visible

_WORTH_WRITING = (RunStarted, StepFinished, RunFinished, TeardownFinished)


class JUnit:
    """Keeps the file up to date, step by step: also after a crash it is whole, and red."""

    def __init__(self, path: Path, *, earlier: Iterable[Event] = ()) -> None:
        self._path = path
        self._cases = Cases()
        self._from: float | None = None
        self._to = 0.0
        for event in earlier:
            self._cases.add(event)

    def __call__(self, event: Event) -> None:
        """Take one more event; never raises."""
        self._from, self._to = self._from or event.at, event.at
        self._cases.add(event)
        if isinstance(event, _WORTH_WRITING):
            # A disk that is full stops no run; close says so.
            with suppress(OSError):
                self._write()

    def close(self) -> None:
        """Write the file for the last time; raises Failure when it cannot be written."""
        try:
            self._write()
        except OSError as error:
            what = f"the JUnit report {self._path} could not be written"
            raise Failure(what, why=str(error)) from None

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            ET.ElementTree(self._document()).write(fresh, encoding="utf-8", xml_declaration=True)
            fresh.replace(self._path)
        finally:
            fresh.unlink(missing_ok=True)

    def _document(self) -> ET.Element:
        cases = list(self._cases.all())
        root = ET.Element("testsuites")
        suite = ET.SubElement(root, "testsuite", self._head(cases))
        self._properties(suite)
        for case in cases:
            _add(suite, case)
        ET.indent(root)
        return root

    def _head(self, cases: list[Case]) -> dict[str, str]:
        verdicts = [case.verdict for case in cases]
        since = self._from or 0.0
        return {
            "name": visible(self._cases.lab or "labrunner"),
            "tests": str(len(verdicts)),
            "failures": str(verdicts.count("failure")),
            "errors": str(verdicts.count("error")),
            "skipped": str(verdicts.count("skipped")),
            "time": f"{max(0.0, self._to - since):.3f}",
            "timestamp": datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        }

    def _properties(self, suite: ET.Element) -> None:
        started = self._cases.started
        if started is None:
            return
        facts = {
            "run": started.run,
            "target": started.target.name,
            "region": started.target.region,
            "labrunner": started.labrunner,
        }
        properties = ET.SubElement(suite, "properties")
        for name, value in facts.items():
            ET.SubElement(properties, "property", name=name, value=visible(value))


def _add(suite: ET.Element, case: Case) -> None:
    head = {
        "classname": visible(case.place),
        "name": visible(case.name),
        "time": f"{case.seconds:.3f}",
    }
    element = ET.SubElement(suite, "testcase", head)
    if case.verdict != "passed":
        verdict = ET.SubElement(element, case.verdict, message=visible(case.message))
        verdict.text = "\n".join(map(visible, case.details))
