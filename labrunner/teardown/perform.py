"""The loop of a teardown: delete, look again until really gone, hold, give up after no progress.

A resource is deleted once those that name it are gone. One that is held, or takes its time to go,
is tried again until its type's timeout; what cannot be removed is left and named.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from labrunner.catalog import Catalog
from labrunner.clock import Clock
from labrunner.events import (
    Event,
    How,
    ResourceDeleting,
    ResourceGone,
    ResourceHeld,
    ResourceLeft,
    TeardownFinished,
    TeardownStarted,
)
from labrunner.outcome import Perform, Refusal
from labrunner.state import RunState
from labrunner.teardown.plan import Removal, plan_teardown
from labrunner.teardown.remove import GONE, STILL_THERE, Verdict, delete, find, look

_LOOK_EVERY = 5.0
# Nothing takes minutes in a local cloud, where the pace is fast: of a type's timeout, this part.
_LEAST_PATIENCE = 0.1
# A listing may lag behind the call that made the thing.
_LISTING_LAG = 20.0


def perform(  # noqa: PLR0913 - what to undo, and the five things it is done with
    state: RunState,
    catalog: Catalog,
    do: Perform,
    emit: Callable[[Event], None],
    clock: Clock,
    *,
    pace: float = 1.0,
    vanished: bool = False,
) -> TeardownFinished:
    """Remove everything live of a run and return the last event.

    `vanished` says that the local cloud in which it lived has ended, and everything with it.
    """
    assert state.started
    removals = plan_teardown(state, catalog)
    lab, run, started = state.started.lab, state.started.run, clock.now()
    emit(TeardownStarted(run=run, at=started, lab=lab, resources=len(removals)))
    work = _Work(run, do, emit, clock, pace)
    for removal in removals if vanished else ():
        if not removal.is_here:
            work.gone(removal, "its local cloud has ended")
    work.remove([one for one in removals if one.is_here or not vanished])
    finished = TeardownFinished(
        run=run,
        at=clock.now(),
        lab=lab,
        outcome="left_behind" if work.left else "clean",
        gone=len(removals) - len(work.left),
        left=work.left,
        seconds=clock.now() - started,
    )
    emit(finished)
    return finished


def remove_unanswered(  # noqa: PLR0913 - as perform
    state: RunState,
    catalog: Catalog,
    do: Perform,
    emit: Callable[[Event], None],
    clock: Clock,
    *,
    pace: float = 1.0,
) -> list[str]:
    """Remove what unanswered calls may have made, so that a run can go on; return what is left."""
    assert state.started
    work = _Work(state.started.run, do, emit, clock, pace)
    work.remove([one for one in plan_teardown(state, catalog) if not one.resource.identity])
    return work.left


@dataclass
class _Item:
    """A removal under way: find what was made, delete it, look until it is gone."""

    removal: Removal
    since: float
    phase: Literal["find", "delete", "look"]
    deleted: bool = False
    said: str = ""


class _Work:
    def __init__(
        self, run: str, do: Perform, emit: Callable[[Event], None], clock: Clock, pace: float
    ) -> None:
        self._run = run
        self._do = do
        self._emit = emit
        self._clock = clock
        self._pace = pace
        self.left: list[str] = []

    def remove(self, removals: list[Removal]) -> None:
        waiting = [self._item(removal) for removal in removals]
        while waiting:
            waiting = self._pass(waiting)
            if waiting:
                self._clock.sleep(_LOOK_EVERY * self._pace)

    def _item(self, removal: Removal) -> _Item:
        answered = bool(removal.resource.identity)
        return _Item(removal, self._clock.now(), "delete" if answered else "find")

    def _pass(self, waiting: list[_Item]) -> list[_Item]:
        """Bring every removal forward once, and return those that are not over."""
        there = {item.removal.resource.id for item in waiting}
        still = []
        for item in waiting:
            self._clock.go_on()
            if item.removal.after & there:
                item.since = self._clock.now()
                still.append(item)
            elif self._over(item):
                there.discard(item.removal.resource.id)
            else:
                still.append(item)
        return still

    def _over(self, item: _Item) -> bool:
        """Bring one removal forward; return whether it is over."""
        verdict = self._forward(item)
        removal = item.removal
        if verdict.state == "gone" and item.phase != "find" and self._may_have_a_twin(item):
            item.removal = removal.again()
            item.phase, item.since = "find", self._clock.now()
            return False
        if verdict.state == "gone":
            self.gone(removal, _how(item))
            return True
        patience = removal.entry.timeout * max(self._pace, _LEAST_PATIENCE)
        late = self._clock.now() - item.since > patience
        if verdict.state == "refused" or late:
            self._leave(removal, verdict)
            return True
        if verdict.code != item.said:
            item.said = verdict.code
            self._hold(removal, verdict)
        return False

    @staticmethod
    def _may_have_a_twin(item: _Item) -> bool:
        """A call that was tried again, unanswered, may have made two."""
        return not (item.removal.resource.identity or item.removal.entry.named_by_caller)

    def _forward(self, item: _Item) -> Verdict:
        if item.phase == "find":
            found = find(item.removal, self._do)
            if isinstance(found, Refusal):
                return Verdict("refused", found.code, found.message)
            if not found:
                return self._not_found(item)
            item.removal, item.phase = item.removal.found(found[0]), "delete"
        if item.phase == "delete":
            self._say_deleting(item)
            if verdict := delete(item.removal, self._do):
                return verdict
            item.phase = "look"
        return look(item.removal, self._do)

    def _not_found(self, item: _Item) -> Verdict:
        """Names are consistent at once; listings are not."""
        lag = 0 if item.removal.entry.named_by_caller else _LISTING_LAG * self._pace
        return STILL_THERE if self._clock.now() - item.since < lag else GONE

    def _say_deleting(self, item: _Item) -> None:
        if not item.deleted:
            item.deleted = True
            self._emit(ResourceDeleting(**self._head(item.removal)))

    def gone(self, removal: Removal, how: How) -> None:
        """Report that a resource is gone."""
        self._emit(ResourceGone(**self._head(removal), how=how))

    def _leave(self, removal: Removal, verdict: Verdict) -> None:
        self.left.append(f"{removal.resource.type} {removal.name}")
        self._emit(
            ResourceLeft(
                **self._head(removal),
                code=verdict.code,
                message=verdict.message,
                next_command=removal.command,
            )
        )

    def _hold(self, removal: Removal, verdict: Verdict) -> None:
        self._emit(
            ResourceHeld(
                run=self._run,
                at=self._clock.now(),
                resource=removal.resource.id,
                code=verdict.code,
                message=verdict.message,
            )
        )

    def _head(self, removal: Removal) -> dict[str, Any]:
        return {
            "run": self._run,
            "at": self._clock.now(),
            "resource": removal.resource.id,
            "type": removal.resource.type,
            "name": removal.name,
        }


def _how(item: _Item) -> How:
    if not item.deleted:
        return "never created"
    return "already gone" if item.phase == "delete" else "deleted"
