"""Which earlier steps a step looks at."""

from collections.abc import Callable, Iterator
from typing import Any

from labrunner.expressions.parse import Parsed, parse, parse_template
from labrunner.model import Step
from labrunner.values import texts


def referenced_steps(step: Step) -> frozenset[str]:
    """Return the ids of the steps that this step's expressions and `needs` name."""
    return _named(step, Parsed.paths)


def indispensable_steps(step: Step) -> frozenset[str]:
    """Return those of them without which the step cannot be: where one is skipped, so is it."""
    return _named(step, Parsed.indispensable_paths)


def _named(step: Step, paths: Callable[[Parsed], Iterator[tuple[str, ...]]]) -> frozenset[str]:
    named = {
        path[1]
        for expression in expressions_of(step)
        for path in paths(expression)
        if path[0] == "steps" and len(path) > 1
    }
    return frozenset(named | set(step.needs))


def expressions_of(step: Step) -> Iterator[Parsed]:
    """Yield every expression of a step that loaded."""
    yield from _inside(step.arguments)
    yield from _inside(step.for_each)
    yield from _inside(step.first_of.items if step.first_of else None)
    bare = [step.condition, *step.outputs.values(), *(check.that for check in step.checks)]
    if step.until:
        bare += [step.until.that, step.until.fail_if, step.until.show]
    for text in bare:
        if text is not None:
            yield parse(text)


def _inside(value: Any) -> Iterator[Parsed]:
    for text in texts(value):
        if "${{" in text:
            yield from (expression for expression, _ in parse_template(text).expressions)
