"""One action of a step, to its end: called, waited for, expected to fail, proved by checks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labrunner.checks import Finding, judge
from labrunner.engine.call import Caller, prepare
from labrunner.engine.report import Reporter, StepFailed, no_value, refused
from labrunner.events import CheckFinished, Problem, StepWaiting
from labrunner.expressions import ExpressionError, Scope, evaluate, parse, render
from labrunner.model import ExpectError, Step, Until
from labrunner.outcome import Answer, Outcome, Refusal
from labrunner.plan import Plan
from labrunner.values import as_text, to_json, without_nulls

_SHOWN_EVERY = 1.0


@dataclass(frozen=True)
class Done:
    """What an action came to."""

    arguments: Any
    result: Any
    outputs: dict[str, Any]
    failed_checks: int = 0


class ActionRunner:
    """Performs the action of one step, or of one element of its `for_each`."""

    def __init__(self, plan: Plan, caller: Caller, reporter: Reporter, pace: float) -> None:
        self._plan = plan
        self._caller = caller
        self._reporter = reporter
        self._pace = pace

    def run(self, step: Step, path: str, scope: Scope) -> Done:
        """Perform the action; raises StepFailed, and reports each check."""
        where = self._plan.loaded.where(path)
        try:
            arguments = prepare(
                self._plan, step, path, without_nulls(render(step.arguments, scope))
            )
            seen = scope.having(**{"with": arguments})
            result = self._settled(step, path, arguments, seen)
            seen = seen.having(result=result)
            outputs = {name: evaluate(parse(text), seen) for name, text in step.outputs.items()}
        except ExpressionError as error:
            raise no_value(error, where) from None
        return Done(arguments, result, outputs, self._check(step, path, seen))

    def _settled(self, step: Step, path: str, arguments: dict[str, Any], scope: Scope) -> Any:
        """Act until every check passes, or until `settle` is over; return the last result."""
        clock = self._reporter.clock
        started, limit = clock.now(), step.settle * self._pace
        while True:
            result = self._act(step, path, arguments, scope)
            elapsed = clock.now() - started
            if elapsed >= limit:
                return result
            failing = self._failing(step, scope.having(result=result))
            if failing is None:
                return result
            self._waiting(path, failing[0], failing[1].got, elapsed, limit)
            clock.sleep(min(2.0 * self._pace, limit))

    def _failing(self, step: Step, scope: Scope) -> tuple[str, Finding] | None:
        for check in step.checks:
            finding = judge(check, scope)
            if not finding.holds:
                return check.name, finding
        return None

    def _act(self, step: Step, path: str, arguments: dict[str, Any], scope: Scope) -> Any:
        if step.until:
            return self._until(step, step.until, path, arguments, scope)
        if step.wait:
            return self._wait(step, path, arguments)
        outcome = self._caller.call(step, path, arguments)
        return self._expected(step, path, outcome)

    def _expected(self, step: Step, path: str, outcome: Outcome) -> Any:
        where = self._plan.loaded.where(path)
        expected = step.expect_error
        if isinstance(outcome, Answer):
            if expected and not expected.optional:
                what = f"{step.action} succeeded, and was expected to be refused"
                raise StepFailed(Problem(what=what, why=f"expected {expected.code}", where=where))
            return outcome.result
        if expected and _matches(expected, outcome):
            return {
                "Error": {"Code": outcome.code, "Message": outcome.message},
                "ResponseMetadata": dict(outcome.response.get("ResponseMetadata", {})),
            }
        raise refused(step.action, outcome, where)

    def _until(
        self, step: Step, until: Until, path: str, arguments: dict[str, Any], scope: Scope
    ) -> Any:
        def look() -> tuple[bool, Any, str]:
            result = self._expected(step, path, self._caller.call(step, path, arguments))
            seen = scope.having(result=result)
            shown = as_text(to_json(evaluate(parse(until.show), seen))) if until.show else ""
            if until.fail_if and evaluate(parse(until.fail_if), seen):
                where = self._plan.loaded.where(path)
                what = f"{step.title}: it will not come to be that {until.that}"
                raise StepFailed(Problem(what=what, why=shown or until.fail_if, where=where))
            return evaluate(parse(until.that), seen) is True, result, shown

        return self._poll(path, until.that, until.every, until.timeout, look)

    def _wait(self, step: Step, path: str, arguments: dict[str, Any]) -> Any:
        assert step.wait
        wait = step.wait
        waiter = self._plan.models.waiter(step.operation[0], wait.waiter)
        assert waiter, "a lab with an unknown waiter does not load"

        def look() -> tuple[bool, Any, str]:
            outcome = self._caller.call(step, path, arguments)
            verdict = waiter.judge(outcome)
            if verdict.state == "failed":
                where = self._plan.loaded.where(path)
                what = f"{step.title}: {wait.waiter} cannot come true"
                raise StepFailed(Problem(what=what, why=verdict.reason, where=where))
            result = outcome.result if isinstance(outcome, Answer) else None
            return verdict.state == "done", result, verdict.reason

        every = wait.every if wait.every is not None else waiter.delay
        timeout = wait.timeout or waiter.delay * waiter.max_attempts
        return self._poll(path, waiter.words, every, timeout, look)

    def _poll(
        self,
        path: str,
        what: str,
        every: float,
        timeout: float,
        look: Callable[[], tuple[bool, Any, str]],
    ) -> Any:
        clock = self._reporter.clock
        started = shown_at = clock.now()
        while True:
            done, result, seen = look()
            if done:
                return result
            now = clock.now()
            if now - started >= timeout:
                where = self._plan.loaded.where(path)
                why = f"after {timeout:g} s still not: {what}" + (f"; {seen}" if seen else "")
                raise StepFailed(Problem(what="the wait is over", why=why, where=where))
            if now - shown_at >= _SHOWN_EVERY or shown_at == started:
                self._waiting(path, what, seen, now - started, timeout)
                shown_at = now
            clock.sleep(every * self._pace)

    def _waiting(self, path: str, what: str, seen: str, elapsed: float, timeout: float) -> None:
        self._reporter.send(
            StepWaiting,
            step=path,
            what=what,
            seen=self._reporter.plain(seen),
            elapsed=elapsed,
            timeout=timeout,
        )

    def _check(self, step: Step, path: str, scope: Scope) -> int:
        failed = 0
        for check in step.checks:
            finding = judge(check, scope)
            failed += not finding.holds
            self._reporter.send(
                CheckFinished,
                step=path,
                name=check.name,
                proves=check.proves,
                outcome="passed" if finding.holds else "failed",
                that=check.that,
                got=self._reporter.plain(finding.got),
                hint=check.hint or "",
            )
        return failed


def _matches(expected: ExpectError, refusal: Refusal) -> bool:
    return refusal.code == expected.code and (expected.message or "") in refusal.message
