"""What is said of each event of a run: the one place where it is worded."""

from collections import Counter

from labrunner.events import (
    CheckFinished,
    Event,
    Problem,
    ResourceCreated,
    ResourceIntended,
    RunFinished,
    RunStarted,
    StepFinished,
    StepProgress,
    StepRetrying,
    StepStarted,
    StepWaiting,
)
from labrunner.render.ending import Course, run_ending
from labrunner.render.pauses import Pauses
from labrunner.render.places import Numbers, item, owner, top
from labrunner.render.text import BLANK, Line, duration, line, pair, short
from labrunner.render.undoing import Undoing
from labrunner.values import named

_WORTH_SAYING = 1.0
_SEEN = 200


class Words:
    """Turns events into lines; with `live`, what is only under way is left to `under_way`."""

    def __init__(self, *, live: bool) -> None:
        self._numbers = Numbers()
        self._undoing = Undoing(live=live)
        self._pauses = Pauses()
        self._started: RunStarted | None = None
        self._titles: dict[str, str] = {}
        self._types: dict[str, str] = {}
        self._running: dict[str, str] = {}
        self._ended: dict[str, str] = {}
        self._checks: dict[tuple[str, str], CheckFinished] = {}
        self._checked: set[str] = set()
        self._problem: Problem | None = None
        self._under = ""

    @property
    def under_way(self) -> dict[str, str]:
        """What happens now, one line for each resource that goes, or step that runs."""
        return self._undoing.under_way or self._running

    def say(self, event: Event) -> list[Line]:
        """Return the lines that tell of the event."""
        match event:
            case RunStarted():
                return self._run_started(event)
            case StepStarted():
                return self._step_started(event)
            case StepWaiting():
                return self._waiting(event)
            case StepRetrying():
                return self._retrying(event)
            case StepProgress():
                return self._told(event.step, self._body((f"│ {event.text}", "dim")))
            case ResourceIntended() | ResourceCreated():
                return self._resource(event)
            case CheckFinished():
                return self._check(event)
            case StepFinished():
                return self._step_finished(event)
            case RunFinished():
                return self._run_finished(event)
            case _:
                return self._undoing.say(event)

    def _run_started(self, event: RunStarted) -> list[Line]:
        self._started = event
        self._numbers = Numbers(event.steps)
        self._running.clear()
        facts = f"lab {event.lab} · run {event.run} · {_where(event)}"
        again = ["continued: what was done before is not done again"] if event.resumed else []
        return [
            line((event.title, "title")),
            line((facts, "dim"), hang=2),
            *[line((text, "dim")) for text in again],
        ]

    def _step_started(self, event: StepStarted) -> list[Line]:
        # The element that a composite's step belongs to is named at the end of its parent's path.
        title = event.title + item(event.step.rpartition(".")[0])
        self._titles[event.step] = title
        self._under = event.step
        self._checked.discard(event.step)
        number = self._numbers.of(event.step)
        self._running[event.step] = number.strip() + " " + title
        lines = [
            BLANK,
            line(number, (title, "title"), (f" ({event.action})", "dim"), hang=self._numbers.width),
        ]
        if event.explain:
            lines.append(line((event.explain, "dim"), indent=self._numbers.width))
        return lines

    def _waiting(self, event: StepWaiting) -> list[Line]:
        seen = f" — now: {short(event.seen, _SEEN)}" if event.seen else ""
        spent = f"{event.elapsed:.0f} of at most {event.timeout:.0f} s"
        self._now(event.step, f"waiting {spent}: {event.what}{seen}")
        if not self._pauses.worth_a_line(event.step, event.what, event.seen, event.at):
            return []
        return self._told(event.step, self._body((f"waiting: {event.what}{seen} ({spent})", "dim")))

    def _retrying(self, event: StepRetrying) -> list[Line]:
        again = f"trying again in {event.delay:g} s" if event.delay else "trying the next"
        text = f"{again}: {event.code}: {short(event.message, _SEEN)}"
        self._now(event.step, text)
        if not self._pauses.worth_a_line(event.step, event.code, "", event.at):
            return []
        return self._told(event.step, self._body((text, "warn")))

    def _resource(self, event: ResourceIntended | ResourceCreated) -> list[Line]:
        if isinstance(event, ResourceIntended):
            self._types[event.resource] = event.type
            return []
        kind = self._types.get(event.resource, "resource")
        text = f"created {kind} {named(event.identity)}"
        return self._told(event.resource, self._body((text, "dim")))

    def _check(self, event: CheckFinished) -> list[Line]:
        self._checks[event.step, event.name] = event
        self._checked.add(owner(event.step))
        self._now(event.step, self._titles.get(owner(event.step), event.step))
        name = event.name + item(event.step)
        if event.outcome == "passed":
            proves = f" — proves: {event.proves}"
            return self._told(event.step, self._body(("✓ ", "good"), name, (proves, "dim")))
        if event.outcome == "skipped":
            said = f"skipped: {name}"
            said_of = self._body(("○ ", "warn"), said, (f" — not proved: {event.proves}", "warn"))
            return self._told(event.step, said_of)
        said_of = self._body(("✗ ", "bad"), (name, "bad"), f" — not proved: {event.proves}")
        return self._told(event.step, said_of, *self._evidence(event))

    def _evidence(self, event: CheckFinished) -> list[Line]:
        facts = {"expected": event.that, "got": event.got, "hint": event.hint}
        indent = self._numbers.width + 2
        return [pair(key, short(text), indent=indent) for key, text in facts.items() if text]

    def _step_finished(self, event: StepFinished) -> list[Line]:
        self._running.pop(event.step, None)
        self._ended[event.step] = event.outcome
        self._pauses.over(event.step)
        if event.outcome == "skipped":
            text = f"skipped, and proves nothing: {event.reason}"
            return self._told(event.step, self._body(("○ ", "warn"), (text, "warn")))
        if event.outcome == "failed":
            return self._failed(event)
        if self._under != event.step:
            return self._done_elsewhere(event)
        if event.step in self._checked and event.seconds < _WORTH_SAYING:
            return []
        return [self._body((f"done in {duration(event.seconds)}", "dim"))]

    def _done_elsewhere(self, event: StepFinished) -> list[Line]:
        """One line for a step that ends among the lines of another."""
        self._under = ""
        head = self._numbers.of(event.step) + self._titles.get(event.step, event.step)
        done = f": done in {duration(event.seconds)}"
        return [BLANK, line(head, (done, "dim"), hang=self._numbers.width)]

    def _failed(self, event: StepFinished) -> list[Line]:
        problem = event.problem
        head = f"✗ failed after {duration(event.seconds)}"
        if problem is None or problem == self._problem:
            # A composite fails as its step did: that was told.
            return self._told(event.step, self._body((head, "bad")))
        self._problem = problem
        said = self._body((f"{head}: {short(problem.what)}", "bad"))
        return self._told(event.step, said, *self._reasons(problem))

    def _reasons(self, problem: Problem) -> list[Line]:
        indent = self._numbers.width + 2
        lines = []
        if problem.where:
            lines.append(pair("where", problem.where, indent=indent, whole=True))
        if problem.code:
            request = f" (request id {problem.request_id})" if problem.request_id else ""
            lines.append(pair("error", problem.code + request, indent=indent))
        if problem.why:
            lines.append(pair("why", short(problem.why), indent=indent))
        if problem.next_command:
            command = problem.next_command
            lines.append(pair("next", command, indent=indent, tone="command", whole=True))
        return lines

    def _run_finished(self, event: RunFinished) -> list[Line]:
        course = Course(
            target=self._started.target.name if self._started else "aws",
            failed=[check for check in self._checks.values() if check.outcome == "failed"],
            stopped=[self._numbers.of(step) + self._titles[step] for step in self._running],
            ended_inside=Counter(
                outcome for step, outcome in self._ended.items() if step != top(step)
            ),
            steps=len(self._numbers),
        )
        self._running.clear()
        return run_ending(event, course)

    def _now(self, path: str, text: str) -> None:
        step = owner(path)
        if step in self._running:
            self._running[step] = f"{self._numbers.of(step).strip()} {text}"

    def _body(self, *spans: str | tuple[str, str]) -> Line:
        return line(*spans, indent=self._numbers.width, hang=2)  # type: ignore[arg-type]

    def _told(self, path: str, *lines: Line) -> list[Line]:
        """Name the step again when another one has spoken since."""
        step = owner(path)
        if step == self._under:
            return list(lines)
        self._under = step
        head = self._numbers.of(step) + self._titles.get(step, step)
        again = line(head, (" (continued)", "dim"), hang=self._numbers.width)
        return [BLANK, again, *lines]


def _where(event: RunStarted) -> str:
    target = event.target
    if target.name == "local":
        return f"local cloud, region {target.region}"
    if target.name == "endpoint":
        return f"{target.endpoint}, region {target.region}"
    profile = f", profile {target.profile}" if target.profile else ""
    return f"AWS account {target.account}, region {target.region}{profile}"
