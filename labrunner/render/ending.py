"""What is said when a run ends: what was proved, what now exists, what it costs, what to do."""

from collections.abc import Sequence

from labrunner.events import CheckFinished, Counts, Live, RunFinished
from labrunner.render.text import BLANK, Line, Tone, duration, line, many, pair, usd

_HOURS_A_DAY = 24
_OUTCOMES: dict[str, tuple[str, Tone, str]] = {
    "passed": ("✓ ", "good", "passed in"),
    "failed": ("✗ ", "bad", "failed after"),
    "interrupted": ("✗ ", "warn", "was interrupted after"),
}


def run_ending(
    event: RunFinished, target: str, failed: Sequence[CheckFinished], not_run: int
) -> list[Line]:
    """Return the last lines of a run; `not_run` counts the steps that never ended."""
    mark, tone, verb = _OUTCOMES[event.outcome]
    head = f"{event.lab} {verb} {duration(event.seconds)}"
    return [
        BLANK,
        line((mark, tone), (head, "title")),
        pair("proved", _proved(event.checks), indent=2),
        *[line(("✗ ", "bad"), check.proves, indent=12, hang=2) for check in failed],
        pair("steps", _steps(event.steps, not_run), indent=2),
        *_existing(event.live, target),
        *_next(event),
    ]


def _proved(checks: Counts) -> str:
    total = checks.passed + checks.failed + checks.skipped
    if not total:
        return "nothing: no claim was checked"
    return f"{checks.passed} of {total} claims that were checked"


def _steps(steps: Counts, not_run: int) -> str:
    counts = {
        "passed": steps.passed,
        "failed": steps.failed,
        "skipped": steps.skipped,
        "not run to the end": not_run,
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"


def _existing(live: Sequence[Live], target: str) -> list[Line]:
    if not live:
        return [pair("exists", "nothing that this run made", indent=2)]
    price = "USD per hour" if target == "aws" else "USD per hour on AWS"
    rows = [("type", price, "name")]
    rows += [(one.type, usd(one.usd_per_hour, 4), one.name) for one in live]
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
    head, *body = [f"{kind:<{wide[0]}}  {cost:>{wide[1]}}  {name}" for kind, cost, name in rows]
    return [
        BLANK,
        line(("What exists now", "title")),
        line((head, "dim"), indent=2, whole=True),
        *[line(row, indent=2, whole=True) for row in body],
        line(_forgotten(live, target), hang=2),
    ]


def _forgotten(live: Sequence[Live], target: str) -> str:
    known = [one.usd_per_hour for one in live if one.usd_per_hour is not None]
    unknown = len(live) - len(known)
    day = f"USD {usd(sum(known) * _HOURS_A_DAY)}" if known else ""
    open_ended = f"{many(unknown, 'resource')} of unknown price" if unknown else ""
    cost = " and ".join(part for part in (day, open_ended) if part)
    if target == "local":
        return f"On the local cloud this costs nothing; on AWS a forgotten day would be {cost}."
    return f"If it is forgotten for a day: {cost}."


def _next(event: RunFinished) -> list[Line]:
    if not event.next_command:
        return []
    return [line("Tear it down: ", (event.next_command, "command"), whole=True)]
