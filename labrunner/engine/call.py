"""One call of a step: written ahead when it creates something, and tried again when it may be."""

from collections.abc import Mapping
from typing import Any

from labrunner.catalog import Change
from labrunner.engine.report import Progress, Reporter, StepFailed
from labrunner.events import (
    Problem,
    ResourceCreated,
    ResourceIntended,
    ResourceRefused,
    StepRetrying,
)
from labrunner.identity import identity_of, tagged, token
from labrunner.model import Retry, Step
from labrunner.outcome import Answer, Call, Outcome, Perform, Refusal
from labrunner.plan import Plan
from labrunner.values import texts


class Caller:
    """Makes the calls of steps: the one place where the engine touches the world."""

    def __init__(self, plan: Plan, perform: Perform, reporter: Reporter) -> None:
        self._plan = plan
        self._perform = perform
        self._reporter = reporter

    def call(self, step: Step, path: str, arguments: Mapping[str, Any]) -> Outcome:
        """Make the step's call, again for as long as `retry` says."""
        clock = self._reporter.clock
        started = clock.now()
        while True:
            self._reporter.go_on()
            outcome = self._once(step, path, arguments)
            retry = self._retry(step, outcome) if isinstance(outcome, Refusal) else None
            if not (retry and isinstance(outcome, Refusal)):
                return outcome
            if clock.now() - started >= retry.timeout:
                return outcome
            self._reporter.send(
                StepRetrying,
                step=path,
                code=outcome.code,
                message=self._reporter.plain(outcome.message),
                delay=retry.every,
            )
            clock.sleep(retry.every)

    def _retry(self, step: Step, refusal: Refusal) -> Retry | None:
        """Return how a refusal that passes is tried again, None for one that stays."""
        if step.retry and _passing(step.retry, refusal):
            return step.retry
        if step.expect_error and step.expect_error.code == refusal.code:
            return None
        told = (*step.operation, refusal.code, refusal.message)
        if self._plan.catalog.blames_fresh_role(*told) and self._has_fresh_role():
            return Retry(errors=[refusal.code])
        return None

    def _has_fresh_role(self) -> bool:
        """Return whether this run made a role: AWS's services know it only after a while."""
        live = self._reporter.state.live
        return any(resource.type.startswith("iam.") for resource in live)

    def _once(self, step: Step, path: str, arguments: Mapping[str, Any]) -> Outcome:
        service, operation = step.operation
        if created := self._plan.catalog.created_by(service, operation):
            return self._create(step, path, created, arguments)
        if changes := self._plan.catalog.changes(service, operation):
            given = [one for one in changes if set(one.named_in.values()) <= arguments.keys()]
            self._own(step, path, (given or changes)[0], arguments)
        return self._do(step, path, arguments)

    def _do(self, step: Step, path: str, arguments: Mapping[str, Any]) -> Outcome:
        name = step.aws or str(getattr(step, step.kind))
        progress = Progress(self._reporter, path)
        call = Call(step.kind, name, arguments, paginate=step.paginate, report=progress)
        outcome = self._perform(call)
        if isinstance(outcome, Answer):
            self._reporter.keep_secret(outcome.result)
        return outcome

    def _create(self, step: Step, path: str, kind: str, arguments: Mapping[str, Any]) -> Outcome:
        send, plain = self._reporter.send, self._reporter.plain
        known = self._reporter.state.resources.get(path)
        if known and known.status == "created":
            return Answer(known.result)
        entry = self._plan.catalog.type(kind)
        send(
            ResourceIntended,
            resource=path,
            type=kind,
            step=path,
            arguments=plain(arguments),
            token=token(self._plan.run, path) if entry.token else "",
        )
        outcome = self._do(step, path, arguments)
        if isinstance(outcome, Answer):
            found = identity_of(entry, arguments, outcome.result)
            send(ResourceCreated, resource=path, identity=found, result=plain(outcome.result))
        elif outcome.certain:
            message = plain(outcome.message)
            send(ResourceRefused, resource=path, code=outcome.code, message=message)
        return outcome

    def _own(self, step: Step, path: str, change: Change, arguments: Mapping[str, Any]) -> None:
        """Refuse to change what this run did not create: teardown would not undo it."""
        entry = self._plan.catalog.type(change.type)
        mine = [r.identity for r in self._reporter.state.live if r.type == change.type]
        for member, parameter in change.named_in.items():
            named = set(texts(arguments.get(parameter)))
            own = {name for identity in mine for name in texts(identity[member])}
            if not named or named - own:
                why = f"{entry.title} {', '.join(sorted(named - own))} was not created by this run"
                raise StepFailed(
                    Problem(
                        what=f"{step.action} was not called",
                        why=f"{why}, so teardown would not undo the change",
                        where=self._plan.loaded.where(path),
                    )
                )


def prepare(plan: Plan, step: Step, path: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments as they are sent: a creating call carries the run's tags and token."""
    service, operation = step.operation
    kind = plan.catalog.created_by(service, operation)
    return tagged(arguments, plan.catalog.type(kind), plan.run, path) if kind else arguments


def _passing(retry: Retry, refusal: Refusal) -> bool:
    return refusal.code in retry.errors and (retry.message or "") in refusal.message
