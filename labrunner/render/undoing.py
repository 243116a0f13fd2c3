"""What is said of a teardown: a line for each resource, and what is left at the end."""

from labrunner.events import (
    Event,
    ResourceDeleting,
    ResourceGone,
    ResourceHeld,
    ResourceLeft,
    TeardownFinished,
    TeardownStarted,
)
from labrunner.render.text import BLANK, Line, duration, line, many, pair, short

_WIDTH = 10


class Undoing:
    """Turns the events of a teardown into lines."""

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._names: dict[str, str] = {}
        self._commands: dict[str, str] = {}
        self.under_way: dict[str, str] = {}

    def say(self, event: Event) -> list[Line]:
        """Return the lines that tell of the event; none for events of other kinds."""
        match event:
            case TeardownStarted():
                return _started(event)
            case ResourceDeleting():
                return self._deleting(event)
            case ResourceHeld():
                return self._held(event)
            case ResourceGone():
                self.under_way.pop(event.resource, None)
                return [_row("✓ gone", "good", _name(event), f" ({event.how})")]
            case ResourceLeft():
                return self._left(event)
            case TeardownFinished():
                return self._finished(event)
            case _:
                return []

    def _deleting(self, event: ResourceDeleting) -> list[Line]:
        name = self._names[event.resource] = _name(event)
        self.under_way[event.resource] = f"deleting {name}"
        return [] if self._live else [_row("  deleting", "dim", name)]

    def _held(self, event: ResourceHeld) -> list[Line]:
        name = self._names.get(event.resource, event.resource)
        why = f" — {event.code}: {short(event.message)}; it is tried again"
        self.under_way[event.resource] = f"held: {name} — {event.code}"
        return [_row("  held", "warn", name, why)]

    def _left(self, event: ResourceLeft) -> list[Line]:
        self.under_way.pop(event.resource, None)
        name = _name(event)
        if event.next_command:
            self._commands[name] = event.next_command
        why = f" — {event.code}: {short(event.message)}"
        return [_row("✗ LEFT", "bad", name, why)]

    def _finished(self, event: TeardownFinished) -> list[Line]:
        self.under_way.clear()
        gone, spent = many(event.gone, "resource"), duration(event.seconds)
        if event.outcome == "clean":
            what = f"{gone} gone in {spent}, nothing left" if event.gone else "nothing was left"
            return [BLANK, line(("✓ ", "good"), (f"Teardown clean: {what}.", "title"))]
        left = many(len(event.left), "resource")
        head = f"Left behind: {left}, which may cost money; {gone} gone in {spent}."
        lines = [BLANK, line(("✗ ", "bad"), (head, "bad"), hang=2)]
        for name in event.left:
            lines.append(line(name, indent=2, hang=2))
            if name in self._commands:
                command = self._commands[name]
                lines.append(pair("by hand", command, indent=4, tone="command", whole=True))
        again = f"labrunner teardown {event.run}"
        return [*lines, pair("try again", again, indent=2, tone="command", whole=True)]


def _started(event: TeardownStarted) -> list[Line]:
    count = many(event.resources, "resource") if event.resources else "nothing to remove"
    head = f"Teardown of run {event.run} of {event.lab}: {count}"
    return [BLANK, line((head, "title"), hang=2)]


def _name(event: ResourceDeleting | ResourceGone | ResourceLeft) -> str:
    return f"{event.type} {event.name}"


def _row(state: str, tone: str, name: str, more: str = "") -> Line:
    return line(
        (f"{state:<{_WIDTH}} ", tone),  # type: ignore[arg-type]
        name,
        (more, "dim"),
        hang=_WIDTH + 1,
    )
