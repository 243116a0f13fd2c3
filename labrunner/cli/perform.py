"""What `run` and `teardown` do, once their options are read."""

import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from labrunner.catalog import load as load_catalog
from labrunner.cli import compose, say
from labrunner.clock import Interrupted, SystemClock
from labrunner.engine.report import Emit
from labrunner.errors import Exit, Failure
from labrunner.events import Event, StepProgress, TeardownFinished
from labrunner.values import HIDDEN, as_text, from_json


@dataclass(frozen=True)
class Where:
    """Where a run goes."""

    target: str
    profile: str | None
    region: str | None


@dataclass(frozen=True)
class Show:
    """How events are shown."""

    as_json: bool = False
    junit: Path | None = None


@dataclass(frozen=True)
class Wish:
    """What a run is to do besides."""

    teardown: bool
    resume: bool
    yes: bool


def run(  # noqa: PLR0913 - a lab, and how it is to be run
    lab: str, given: Sequence[str], more: Sequence[Path], where: Where, show: Show, wish: Wish
) -> Exit:
    """Run a lab and return the exit code."""
    from labrunner import engine

    loaded = compose.load(lab, more)
    state = _unfinished(lab) if wish.resume else None
    chosen = _chosen(state, loaded, given)
    clock = compose.stoppable()
    target = _same_target(state, loaded) if state else compose.target(*astuple(where))
    run_id = state.started.run if state and state.started else compose.new_run_id()
    plan = compose.make_plan(loaded, chosen, run_id, target.facts)
    if not wish.yes:
        _ask(target, f"Run {lab}, at most {loaded.lab.estimate.usd:g} USD?")
    journal = compose.open_journal(durable=not target.is_local)
    do = compose.performer(target)
    emit = _Subscribers(journal, show, journal.read(run_id) if state else ())
    left: list[str] = []

    def at_end(send: Emit) -> None:
        if wish.teardown:
            # A clock of its own: one Ctrl-C stops the run, and teardown still follows.
            left.extend(_tear_down(journal, run_id, do, send, SystemClock(), target).left)

    with closing(emit), journal.lock(run_id):
        if state:
            state = _ready(journal, run_id, do, emit, clock, target)
        finished = engine.perform(
            plan, do, emit, clock, pace=target.pace, state=state, at_end=at_end
        )
    if left:
        return Exit.LEFT_BEHIND
    return {"passed": Exit.OK, "failed": Exit.FAILED, "interrupted": Exit.INTERRUPTED}[
        finished.outcome
    ]


def teardown(what: str | None, show: Show, *, yes: bool) -> Exit:
    """Tear down what runs have left and return the exit code."""
    try:
        return _teardown(what, show, yes=yes)
    except Interrupted:
        raise Failure(
            "teardown was stopped",
            why="what is not gone yet is still in the journal",
            next_command="labrunner teardown",
            exit_code=Exit.INTERRUPTED,
        ) from None


def _teardown(what: str | None, show: Show, *, yes: bool) -> Exit:
    clock = compose.stoppable()
    journal = compose.open_journal()
    emit = _Subscribers(journal, show)
    finished: list[TeardownFinished] = []
    failures: list[Failure] = []

    def one(state: Any) -> None:
        target = compose.target_of(state.started.target)
        if target and not yes:
            _ask(target, f"Remove {len(state.live)} resources of run {state.started.run}?")
        do = compose.performer(target)
        with journal.lock(state.started.run):
            finished.append(_tear_down(journal, state.started.run, do, emit, clock, target))

    with closing(emit):
        for state in reversed([state for state in _states(journal, what) if state.live]):
            # A run that is busy, or whose account is out of reach, keeps no other from going.
            try:
                one(state)
            except Failure as failure:
                failures.append(failure)
        if len(finished) != 1 or failures:
            emit.show(_sum(finished, [one.what for one in failures], clock.now()))
    if failures:
        for earlier in failures[:-1]:
            say(earlier)
        failures[-1].exit_code = Exit.LEFT_BEHIND
        raise failures[-1]
    return Exit.LEFT_BEHIND if any(one.left for one in finished) else Exit.OK


def _states(journal: Any, what: str | None) -> list[Any]:
    """Return the states of runs; raises Failure where there is neither such a run nor a lab."""
    found = compose.states(journal, what)
    if what and not found:
        compose.lab_path(what)
    return found


def _tear_down(  # noqa: PLR0913 - what a teardown is performed with
    journal: Any, run_id: str, do: Any, emit: Any, clock: Any, target: Any
) -> TeardownFinished:
    from labrunner import teardown as undo
    from labrunner.state import fold

    return undo.perform(
        fold(journal.read(run_id)),
        load_catalog(),
        do,
        emit,
        clock,
        pace=target.pace if target else 1.0,
        vanished=target is None,
    )


def _ready(  # noqa: PLR0913 - as above
    journal: Any, run_id: str, do: Any, emit: Any, clock: Any, target: Any
) -> Any:
    """Return a run's state without calls whose answer never came: what they made is removed."""
    from labrunner import teardown as undo
    from labrunner.state import fold

    left = undo.remove_unanswered(
        fold(journal.read(run_id)), load_catalog(), do, emit, clock, pace=target.pace
    )
    if left:
        raise Failure(
            f"run {run_id} cannot go on",
            why=f"{', '.join(left)} could not be removed",
            next_command=f"labrunner teardown {run_id}",
            exit_code=Exit.LEFT_BEHIND,
        )
    return fold(journal.read(run_id))


def _chosen(state: Any, loaded: Any, given: Sequence[str]) -> dict[str, Any]:
    """Return the params: those of the run that goes on, but for what is given anew."""
    if state is None:
        return compose.values(loaded, given)
    kept = from_json(state.started.params)
    texts = [f"{name}={as_text(value)}" for name, value in kept.items() if value is not HIDDEN]
    return compose.values(loaded, [*texts, *given])


def _unfinished(lab: str) -> Any:
    with closing(compose.open_journal()) as journal:
        states = [state for state in _states(journal, lab) if not state.teardown]
    if not states or (states[-1].finished and states[-1].finished.outcome == "passed"):
        raise Failure(
            f"there is no unfinished run of {lab}",
            next_command=f"labrunner run {lab}",
            exit_code=Exit.INVALID,
        )
    return states[-1]


def _same_target(state: Any, loaded: Any) -> Any:
    """Return the target of an unfinished run; raises Failure where world or lab changed."""
    target = compose.target_of(state.started.target)
    lab = loaded.lab.lab
    again = f"labrunner teardown {state.started.run}; labrunner run {lab}"
    if target is None:
        raise Failure(f"run {state.started.run}'s local cloud has ended", next_command=again)
    if state.started.digest != loaded.digest:
        raise Failure(f"{lab} was changed since run {state.started.run}", next_command=again)
    return target


def _ask(target: Any, question: str) -> None:
    if target.is_local:
        return
    place = f"account {target.facts.account}, region {target.facts.region}"
    if not sys.stdin.isatty():
        raise Failure(f"{question} ({place})", next_command="… --yes", exit_code=Exit.INVALID)
    sys.stderr.write(f"{question} ({place}) [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Failure("nothing was done", exit_code=Exit.INVALID)


class _Subscribers:
    """Takes every event: the journal first, then the views."""

    def __init__(self, journal: Any, show: Show, earlier: Sequence[Event] = ()) -> None:
        self._journal = journal
        self._views: list[Any] = [compose.renderer(as_json=show.as_json, earlier=earlier)]
        if show.junit:
            from labrunner.render.junit import JUnit

            self._views.append(JUnit(show.junit, earlier=earlier))

    def __call__(self, event: Event) -> None:
        if not isinstance(event, StepProgress):
            self._journal.append(event)
        self.show(event)

    def show(self, event: Event) -> None:
        """Show an event that is not kept; a reader that went away stops no run."""
        for view in list(self._views):
            try:
                view(event)
            except BrokenPipeError:
                self._views.remove(view)

    def close(self) -> None:
        """End the views, and close the journal."""
        try:
            for view in self._views:
                view.close()
        finally:
            self._journal.close()


def _sum(finished: list[TeardownFinished], failed: list[str], now: float) -> TeardownFinished:
    """Sum up a teardown of no run, or of several; `failed` says what kept others from it."""
    left = [name for one in finished for name in one.left] + failed
    return TeardownFinished(
        run="",
        at=now,
        lab="",
        outcome="left_behind" if left else "clean",
        gone=sum(one.gone for one in finished),
        left=left,
        seconds=sum(one.seconds for one in finished),
    )
