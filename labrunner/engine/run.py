"""The order of a run: steps in file order, elements of `for_each` at once, slow ones behind."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

from labrunner import __version__
from labrunner.clock import Clock, Interrupted
from labrunner.engine.action import ActionRunner, Done
from labrunner.engine.call import Caller
from labrunner.engine.report import Emit, Reporter, StepFailed, no_value
from labrunner.events import (
    Live,
    Problem,
    RunFinished,
    RunOutcome,
    RunStarted,
    StepFinished,
    StepHead,
    StepOutcome,
    StepRetrying,
    StepStarted,
)
from labrunner.expressions import ExpressionError, Scope, evaluate, parse, render
from labrunner.identity import hourly
from labrunner.model import Composite, FirstOf, Step
from labrunner.outcome import Perform
from labrunner.plan import Plan, inside
from labrunner.state import ResourceState, RunState
from labrunner.values import from_json, named

_AT_ONCE = 8
_SKIPPED = ", which was skipped: "


def perform(  # noqa: PLR0913 - the plan, and the five things it is performed with
    plan: Plan,
    do: Perform,
    emit: Emit,
    clock: Clock,
    *,
    pace: float = 1.0,
    state: RunState | None = None,
    at_end: Callable[[Emit], None] = lambda _: None,
) -> RunFinished:
    """Perform the plan and return its last event; with `state`, go on where that run stopped.

    `pace` scales the pauses between two looks of a wait: small on a local cloud. `at_end` is
    called when the steps are over, whatever they came to, before the run is finished; it sends
    its events through the function that it is given.
    """
    reporter = Reporter(plan.run.id, emit, clock, state or RunState())
    reporter.keep_secret(dict(plan.params))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        actions = ActionRunner(plan, Caller(plan, do, reporter), reporter, pace)
        return _Run(plan, reporter, actions, pool).all(at_end)


@dataclass
class _Scope:
    """The steps of the lab, or of one use of a composite, and what they came to so far."""

    scope: Scope
    prefix: str = ""
    behind: dict[str, Future[None]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def steps(self) -> dict[str, Any]:
        steps: dict[str, Any] = self.scope.roots["steps"]
        return steps


class _Run:
    def __init__(
        self, plan: Plan, reporter: Reporter, actions: ActionRunner, pool: ThreadPoolExecutor
    ) -> None:
        self._plan = plan
        self._reporter = reporter
        self._actions = actions
        self._pool = pool

    def all(self, at_end: Callable[[Emit], None]) -> RunFinished:
        plan, send = self._plan, self._reporter.send
        started = self._reporter.clock.now()
        send(
            RunStarted,
            lab=plan.loaded.lab.lab,
            title=plan.loaded.lab.title,
            source=str(plan.loaded.path),
            digest=plan.loaded.digest,
            target=plan.target,
            params=self._reporter.plain(dict(plan.params)),
            steps=[StepHead(id=step.id, title=step.title) for step in plan.loaded.lab.steps],
            labrunner=__version__,
            resumed=self._reporter.state.started is not None,
        )
        outcome = self._outcome()
        at_end(self._reporter.forward)
        state = self._reporter.state
        live = [self._live(resource) for resource in state.live]
        send(
            RunFinished,
            lab=plan.loaded.lab.lab,
            outcome=outcome,
            checks=state.check_counts(),
            steps=state.step_counts(),
            live=live,
            seconds=self._reporter.clock.now() - started,
            next_command=f"labrunner teardown {plan.run.id}" if live else "",
        )
        assert state.finished
        return state.finished

    def _outcome(self) -> RunOutcome:
        try:
            self._steps(self._plan.loaded.lab.steps, _Scope(self._plan.scope()))
        except Interrupted:
            return "interrupted"
        except StepFailed:
            return "failed"
        return "passed"

    def _live(self, resource: ResourceState) -> Live:
        entry = self._plan.catalog.type(resource.type)
        return Live(
            resource=resource.id,
            type=resource.type,
            name=named(resource.identity) or "not known yet",
            usd_per_hour=hourly(entry, resource.arguments or {}),
        )

    def _steps(self, steps: list[Step], around: _Scope) -> None:
        """Perform steps in order; what runs behind is awaited, or told to stop."""
        try:
            for step in steps:
                self._reporter.go_on()
                for needed in (
                    self._plan.loaded.needs(around.prefix + step.id) & around.behind.keys()
                ):
                    around.behind.pop(needed).result()
                if step.background and not self._ended(step, around):
                    around.behind[step.id] = self._pool.submit(self._step, step, around)
                else:
                    self._step(step, around)
            for future in around.behind.values():
                future.result()
        except BaseException:
            self._reporter.abandon()
            for future in around.behind.values():
                future.exception()
            raise

    def _ended(self, step: Step, around: _Scope) -> bool:
        """Restore a step that ended in an earlier part of this run."""
        ended = self._reporter.state.steps.get(around.prefix + step.id)
        if not ended or ended.outcome == "failed":
            return False
        if ended.outcome == "skipped":
            around.skipped[step.id] = ended.reason
        self._remember(
            step,
            around,
            Done(from_json(ended.arguments), from_json(ended.result), from_json(ended.outputs)),
        )
        return True

    @staticmethod
    def _remember(step: Step, around: _Scope, done: Done) -> None:
        around.steps[step.id] = {
            "with": done.arguments,
            "result": done.result,
            "outputs": done.outputs,
        }

    def _step(self, step: Step, around: _Scope) -> None:
        if self._ended(step, around):
            return
        path = around.prefix + step.id
        started = self._reporter.clock.now()

        def finish(outcome: StepOutcome, done: Done | None = None, **more: Any) -> None:
            plain = self._reporter.plain
            self._reporter.send(
                StepFinished,
                step=path,
                outcome=outcome,
                seconds=self._reporter.clock.now() - started,
                arguments=plain(done.arguments) if done else None,
                result=plain(done.result) if done else None,
                outputs=plain(done.outputs) if done else {},
                **more,
            )

        self._reporter.send(
            StepStarted,
            step=path,
            title=step.title,
            explain=step.explain or "",
            action=step.action,
        )
        try:
            if reason := self._why_skipped(step, around):
                around.skipped[step.id] = reason
                finish("skipped", reason=reason)
                return
            done = self._perform(step, path, around)
        except StepFailed as failure:
            finish("failed", problem=failure.problem)
            raise
        self._remember(step, around, done)
        if done.failed_checks:
            problem = Problem(
                what=f"{done.failed_checks} of the step's checks failed",
                where=self._plan.loaded.where(path),
            )
            finish("failed", done, problem=problem)
            raise StepFailed(problem)
        finish("passed", done)

    def _why_skipped(self, step: Step, around: _Scope) -> str:
        path = around.prefix + step.id
        for needed in sorted(self._plan.loaded.requires(path) & around.skipped.keys()):
            # Of a chain of skipped steps only the first reason says anything.
            why = around.skipped[needed].rpartition(_SKIPPED)[2]
            return f"it needs the step {needed}{_SKIPPED}{why}"
        if step.condition is None:
            return ""
        try:
            wanted = evaluate(parse(step.condition), around.scope)
        except ExpressionError as error:
            raise no_value(error, self._plan.loaded.where(path)) from None
        return "" if wanted else step.skip_reason or ""

    def _perform(self, step: Step, path: str, around: _Scope) -> Done:
        if step.first_of:
            return self._first(step, step.first_of, path, around.scope)
        one = self._composite if step.uses else self._actions.run
        if step.for_each is None:
            return one(step, path, around.scope)
        items = self._items("for_each", step.for_each, path, around.scope)
        scopes = [around.scope.having(item=item) for item in items]
        paths = [f"{path}[{index}]" for index in range(len(items))]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            # When one fails the others still end, so that nothing happens unseen.
            every = list(pool.map(one, repeat(step), paths, scopes))
        names = every[0].outputs if every else {}
        return Done(
            [done.arguments for done in every],
            [done.result for done in every],
            {name: [done.outputs[name] for done in every] for name in names},
            sum(done.failed_checks for done in every),
        )

    def _first(self, step: Step, first_of: FirstOf, path: str, scope: Scope) -> Done:
        """Try one element after the other, until the action succeeds or fails for another reason.

        Each try has a path of its own, and so a client token of its own.
        """
        items = self._items("first_of", first_of.items, path, scope)
        if not items:
            why = "there is nothing to try"
            raise StepFailed(Problem(what=why, where=self._plan.loaded.where(path)))
        places = [path, *(f"{path}[{index}]" for index in range(1, len(items)))]
        # What an earlier part of this run made is not made again, and not elsewhere.
        known = self._reporter.state.resources
        made = [place for place in places if place in known and known[place].status == "created"]
        first = places.index(made[0]) if made else 0
        *others, last = list(zip(places, items, strict=True))[first:]
        for place, item in others:
            try:
                return self._actions.run(step, place, scope.having(item=item))
            except StepFailed as failure:
                if failure.problem.code not in first_of.next_on:
                    raise
                code, why = failure.problem.code, failure.problem.why
                self._reporter.send(StepRetrying, step=path, code=code, message=why, delay=0)
        return self._actions.run(step, last[0], scope.having(item=last[1]))

    def _items(self, key: str, wanted: Any, path: str, scope: Scope) -> list[Any]:
        where = self._plan.loaded.where(path)
        try:
            items = render(wanted, scope)
        except ExpressionError as error:
            raise no_value(error, where) from None
        if not isinstance(items, list):
            raise StepFailed(Problem(what=f"{key} needs a list", why=f"got {items}", where=where))
        return items

    def _composite(self, step: Step, path: str, scope: Scope) -> Done:
        composite: Composite = self._plan.loaded.composites[step.uses or ""]
        where = self._plan.loaded.where(path)
        try:
            arguments = render(step.arguments, scope)
            inner = _Scope(inside(composite, arguments, scope), f"{path}.")
            self._steps(composite.steps, inner)
            outputs = {
                name: evaluate(parse(text), inner.scope) for name, text in composite.outputs.items()
            }
        except ExpressionError as error:
            raise no_value(error, where) from None
        return Done(arguments, None, outputs)
