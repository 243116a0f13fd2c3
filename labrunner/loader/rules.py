"""What a step's keys ask of its action: that it repeats only what may be repeated, and so on."""

from collections.abc import Iterator

from labrunner.awsmodel import Models, Operation
from labrunner.catalog import Catalog
from labrunner.errors import did_you_mean
from labrunner.model import Step

Problem = tuple[str, str, str]

_READING = ("get", "head")
_NOT_WITH_USES = ("retry", "settle", "outputs", "paginate", "wait")


def problems(
    step: Step, operation: Operation | None, models: Models, catalog: Catalog
) -> Iterator[Problem]:
    """Yield the key, the message and the hint of each thing that does not fit the action."""
    if operation:
        yield from _operation(step, operation, models, catalog)
    if step.http and step.until and step.http not in _READING:
        yield "until", "only a reading request can be repeated: get or head", ""
    if step.dataset and (step.until or step.settle):
        yield "until" if step.until else "settle", "an upload cannot be repeated", ""
    if step.key in ("create", "delete") and (step.until or step.settle):
        yield "until" if step.until else "settle", f"key {step.key} cannot be repeated", ""
    if step.settle and not step.checks:
        yield "settle", "`settle` waits for checks, and there are none", ""
    if step.uses:
        for key in _NOT_WITH_USES:
            if getattr(step, key):
                yield key, f"`{key}` is not for a step that uses a composite", "put it inside"


def _operation(
    step: Step, operation: Operation, models: Models, catalog: Catalog
) -> Iterator[Problem]:
    called = f"{operation.service}.{operation.name}"
    if step.paginate and not operation.can_paginate:
        yield "paginate", f"{called} gives its answer in one page", "leave `paginate` out"
    if not catalog.is_read(operation.service, operation.name):
        hint = "repeat a read that looks at its result, in a step of its own"
        for key in ("until", "wait"):
            if getattr(step, key):
                yield key, f"`{key}` repeats the call, and {called} is not a read", hint
    if step.settle and catalog.created_by(operation.service, operation.name):
        yield "settle", f"`settle` repeats the call, and {called} creates something", ""
    if step.wait:
        yield from _wait(step.wait.waiter, operation, models)


def _wait(name: str, operation: Operation, models: Models) -> Iterator[Problem]:
    waiter = models.waiter(operation.service, name)
    if waiter is None:
        every = models.waiters(operation.service)
        fitting = [one.name for one in every if one.operation == operation.name]
        hint = did_you_mean(name, [one.name for one in every])
        if fitting and not hint:
            hint = f"for {operation.name} there are {', '.join(fitting)}"
        yield "wait", f"{operation.service} has no waiter `{name}`", hint
    elif waiter.operation != operation.name:
        called = f"{operation.service}.{waiter.operation}"
        yield "wait", f"the waiter `{waiter.name}` looks at {called}", f"write `aws: {called}`"
