"""The names of what steps create, followed through composites."""

from collections.abc import Mapping
from dataclasses import replace

from labrunner.loader.files import LabFile, StepIn
from labrunner.loader.ownership import RUN, Marks, Naming
from labrunner.loader.steps import Known
from labrunner.model import Step

_WHY = (
    "two runs would collide, and teardown could delete something of yours of that name: "
    "write ${{ run.name }} in it"
)


def check_names(file: LabFile, known: Known) -> None:
    """Check that whatever is created is named after the run."""
    naming = Naming(known.catalog, params=dict.fromkeys(file.params, frozenset()))
    _check(file, naming, known, ())


def _check(file: LabFile, naming: Naming, known: Known, above: tuple[str, ...]) -> None:
    for step in file.steps:
        if step.step is None:
            continue
        if step.step.uses:
            _inside(step.step, naming, known, above)
        else:
            _names(step, step.step, naming, known)
        naming.steps[step.id] = step.step


def _inside(step: Step, naming: Naming, known: Known, above: tuple[str, ...]) -> None:
    uses = step.uses or ""
    composite = known.files.composites.get(uses)
    if composite is None or uses in above:
        return
    defaults: Mapping[str, Marks] = dict.fromkeys(composite.params, frozenset())
    params = {**defaults, **naming.arguments(step)}
    inner = replace(naming, params=params, needed=naming.needed_by(step), steps={})
    _check(composite, inner, known, (*above, uses))


def _names(at: StepIn, step: Step, naming: Naming, known: Known) -> None:
    service, operation = step.operation
    created = known.catalog.created_by(service, operation)
    changes = known.catalog.changes(service, operation)
    if created and known.catalog.type(created).named_by_caller:
        if step.expect_error and not step.expect_error.optional:
            return
        for path, lacking in naming.unmarked(step, known.catalog.type(created)):
            where = at.node.at(("with", *path)).where
            known.found.add(where, *_explained(path[-1], lacking))
    for change in () if created else changes:
        entry = known.catalog.type(change.type)
        for name in naming.foreign(step, change.named_in):
            where = at.node.at(("with", name)).where
            message = f"`{name}`: no step of this lab creates this {entry.title}"
            known.found.add(where, message, "write ${{ steps.….with.… }} of the step that does")


def _explained(name: str, lacking: Marks) -> tuple[str, str]:
    if RUN in lacking:
        return f"`{name}` must contain run.name or run.id", _WHY
    steps = " and ".join(sorted(mark.removeprefix("each ") for mark in lacking))
    message = f"`{name}` is the same for each element of the `for_each` of {steps}"
    return message, "use ${{ item }} in it"
