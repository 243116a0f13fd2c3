"""What is said when a run ends: what was proved, what now exists, what it costs, what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labrunner.events import CheckFinished, Counts, Live, RunFinished
from labrunner.render.text import BLANK, Line, Tone, duration, line, many, pair, usd

_HOURS_A_DAY = 24
_OUTCOMES: dict[str, tuple[str, Tone, str]] = {
    "passed": ("✓ ", "good", "passed in"),
    "failed": ("✗ ", "bad", "failed after"),
    "interrupted": ("✗ ", "warn", "was interrupted after"),
}


@dataclass(frozen=True)
class Course:
    """What happened on the way: of the lab's steps, and of what they checked."""

    target: str
    failed: Sequence[CheckFinished]
    stopped: Sequence[str]
    ended_inside: Mapping[str, int]
    steps: int


def run_ending(event: RunFinished, course: Course) -> list[Line]:
    """Return the last lines of a run."""
    mark, tone, verb = _OUTCOMES[event.outcome]
    head = f"{event.lab} {verb} {duration(event.seconds)}"
    return [
        BLANK,
        line((mark, tone), (head, "title")),
        pair("proved", _proved(event.checks), indent=2),
        *[line(("✗ ", "bad"), check.proves, indent=12, hang=2) for check in course.failed],
        pair("steps", _steps(event.steps, course), indent=2),
        *[pair("stopped", step, indent=2) for step in course.stopped],
        *_existing(event.live, course.target),
        *_next(event),
    ]


def _proved(checks: Counts) -> str:
    total = checks.passed + checks.failed + checks.skipped
    if not total:
        return "nothing: no claim was checked"
    return f"{checks.passed} of {total} claims that were checked"


def _steps(steps: Counts, course: Course) -> str:
    """Count the lab's own steps: what is inside a composite is one step of the lab."""
    counts = {
        outcome: count - course.ended_inside.get(outcome, 0)
        for outcome, count in steps.model_dump().items()
    }
    counts["not run to the end"] = max(0, course.steps - sum(counts.values()))
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count > 0) or "none"


def _existing(live: Sequence[Live], target: str) -> list[Line]:
    if not live:
        return [pair("exists", "nothing that this run made", indent=2)]
    price = "USD per hour" if target == "aws" else "USD per hour on AWS"
    rows = [("type", price, "name")]
    rows += [(one.type, _price(one.usd_per_hour), one.name) for one in live]
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
    head, *body = [f"{kind:<{wide[0]}}  {cost:>{wide[1]}}  {name}" for kind, cost, name in rows]
    return [
        BLANK,
        line(("What exists now", "title")),
        line((head, "dim"), indent=2, whole=True),
        *[line(row, indent=2, whole=True) for row in body],
        line(_forgotten(live, target), hang=2),
    ]


def _price(hour: float | None) -> str:
    return "free" if hour == 0 else usd(hour, 4)


def _forgotten(live: Sequence[Live], target: str) -> str:
    if all(one.usd_per_hour == 0 for one in live):
        return "None of it costs anything."
    known = [one.usd_per_hour for one in live if one.usd_per_hour]
    unknown = sum(one.usd_per_hour is None for one in live)
    parts = [f"USD {usd(sum(known) * _HOURS_A_DAY)}"] if known else []
    if unknown:
        parts.append(f"the unknown price of {many(unknown, 'resource')}")
    cost = " and ".join(parts)
    if target == "local":
        return f"On the local cloud this costs nothing; on AWS a day of it would cost {cost}."
    return f"If it is forgotten for a day it costs {cost}."


def _next(event: RunFinished) -> list[Line]:
    if not event.next_command:
        return []
    return [line("Tear it down: ", (event.next_command, "command"), whole=True)]
