"""From a loaded lab to the plan of one run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from labrunner.awsmodel import Models
from labrunner.catalog import Catalog, ResourceType
from labrunner.events import TargetFacts
from labrunner.expressions import ExpressionError, Parsed, Scope, evaluate, parse, parse_template
from labrunner.identity import RunName, hourly, target_root
from labrunner.loader import LoadedLab
from labrunner.model import Composite, Step
from labrunner.values import Secret, as_text, to_json

LATER = "…"


@dataclass(frozen=True)
class PlannedStep:
    """One step of a plan; values that only the run can know read "…"."""

    path: str
    step: Step
    arguments: Any
    creates: str | None
    changes: str | None
    runs: bool | None
    count: int | None

    @property
    def conditional(self) -> bool:
        """True when only the run can tell whether this step is skipped."""
        return self.runs is None


@dataclass(frozen=True)
class Plan:
    """Everything a run needs to know before its first call."""

    run: RunName
    loaded: LoadedLab
    params: Mapping[str, Any]
    target: TargetFacts
    models: Models
    catalog: Catalog
    steps: tuple[PlannedStep, ...] = ()

    def scope(self) -> Scope:
        """Return what the lab's first step sees; steps that ended add themselves to it."""
        roots = {
            "params": self.params,
            "run": self.run.root,
            "target": target_root(self.target),
            "steps": {},
        }
        return Scope(roots, self.loaded.read_file)

    @property
    def created(self) -> list[tuple[PlannedStep, ResourceType]]:
        """The steps that create something, and what."""
        return [
            (step, self.catalog.type(step.creates))
            for step in self.steps
            if step.creates and step.runs is not False
        ]

    def usd_per_day(self) -> float | None:
        """Return what leaving everything for a day costs at most; None when that is unknown."""
        total = 0.0
        for step, entry in self.created:
            hour = hourly(entry, step.arguments)
            if hour is None or step.count is None:
                return None
            total += 24 * hour * step.count
        return total


def make(  # noqa: PLR0913 - the six things a plan is made of
    loaded: LoadedLab,
    params: Mapping[str, Any],
    *,
    run: RunName,
    target: TargetFacts,
    models: Models,
    catalog: Catalog,
) -> Plan:
    """Return the plan of one run; nothing is called."""
    plan = Plan(run, loaded, params, target, models, catalog)
    steps = _Planner(loaded, catalog).walk(loaded.lab.steps, plan.scope(), "")
    return replace(plan, steps=tuple(steps))


def inside(composite: Composite, arguments: Mapping[str, Any], scope: Scope) -> Scope:
    """Return what the steps of a composite see, where a step in `scope` uses it."""
    defaults = {name: param.default for name, param in composite.params.items()}
    roots = {**scope.roots, "params": {**defaults, **arguments}, "steps": {}}
    roots.pop("item", None)
    return Scope(roots, scope.read_file)


@dataclass(frozen=True)
class _Planner:
    loaded: LoadedLab
    catalog: Catalog

    def walk(
        self, steps: list[Step], scope: Scope, prefix: str, *, runs: bool | None = True
    ) -> Iterator[PlannedStep]:
        """Yield the steps; `runs` says whether what uses them runs."""
        for step in steps:
            yield from self._step(step, scope, prefix, around=runs)

    def _step(
        self, step: Step, scope: Scope, prefix: str, *, around: bool | None
    ) -> Iterator[PlannedStep]:
        wanted = step.first_of.items if step.first_of else step.for_each
        items = known(wanted, scope) if wanted is not None else None
        sample = scope
        if isinstance(items, list) and items:
            sample = scope.having(item=items[0])
        arguments = known(step.arguments, sample)
        scope.roots["steps"][step.id] = {"with": arguments}
        service, operation = step.operation
        runs = _runs(step, sample) if around is True else around
        yield PlannedStep(
            path=prefix + step.id,
            step=step,
            arguments=arguments,
            creates=self.catalog.created_by(service, operation),
            changes=next((one.type for one in self.catalog.changes(service, operation)), None),
            runs=runs,
            count=1 if step.for_each is None else len(items) if isinstance(items, list) else None,
        )
        if step.uses:
            composite = self.loaded.composites[step.uses]
            inner = inside(composite, arguments, scope)
            yield from self.walk(composite.steps, inner, f"{prefix}{step.id}.", runs=runs)


def _runs(step: Step, scope: Scope) -> bool | None:
    if step.condition is None:
        return True
    expression = parse(step.condition)
    return bool(evaluate(expression, scope)) if _is_known(expression, scope) else None


def known(value: Any, scope: Scope) -> Any:
    """Return the value with what is known now filled in, and "…" for what the run will tell."""
    if isinstance(value, Mapping):
        return {key: known(item, scope) for key, item in value.items()}
    if isinstance(value, list):
        return [known(item, scope) for item in value]
    if not isinstance(value, str) or "${{" not in value:
        return value
    template = parse_template(value)
    if template.whole:
        return _known(template.whole, scope)
    parts = (
        as_text(to_json(_known(part, scope))) if isinstance(part, Parsed) else part
        for part in template.parts
    )
    return "".join(parts)


def _known(expression: Parsed, scope: Scope) -> Any:
    if not _is_known(expression, scope):
        return LATER
    try:
        value = evaluate(expression, scope)
    except ExpressionError:
        return LATER
    return "•••" if isinstance(value, Secret) else value


def _is_known(expression: Parsed, scope: Scope) -> bool:
    """Return whether every path of the expression leads to something known now."""
    for path in expression.paths():
        value: Any = scope.roots
        for name in path:
            if isinstance(value, Mapping) and name in value:
                value = value[name]
            elif isinstance(value, Mapping):
                return False
            else:
                break
        if LATER in as_text(to_json(value)):
            return False
    return True
