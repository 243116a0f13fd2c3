"""What teardown can promise: each operation is undone, and each name is this run's own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from labrunner.awsmodel import Operation
from labrunner.catalog import Catalog, ResourceType
from labrunner.expressions import Parsed, SyntaxProblem, parse, parse_template
from labrunner.model import Step
from labrunner.values import texts

Marks = frozenset[str]

RUN = "run"
_NONE: Marks = frozenset()
_CREATING = ("create_", "run_", "start_", "allocate_", "request_", "import_", "register_")


def refusal(operation: Operation, catalog: Catalog) -> tuple[str, str] | None:
    """Return message and hint when teardown could not undo the operation, else None."""
    service, name = operation.service, operation.name
    if (
        catalog.is_read(service, name)
        or catalog.created_by(service, name)
        or catalog.changes(service, name)
    ):
        return None
    message = f"{service}.{name} is not in the catalog, so labrunner could not undo it"
    file = f"labrunner/catalog/{service}.yaml"
    known = catalog.services.get(service)
    if known is None:
        return message, f"add {file}, with a resource type that has it in `create` or `changed_by`"
    if name.startswith(_CREATING):
        return message, f"add a resource type with `create: {name}` to {file}"
    kinds = " or ".join(known.resources) or "a resource type"
    return message, f"add it to changed_by of {kinds} in {file}"


@dataclass
class Naming:
    """Follows where the values of a file's steps come from.

    Marks are "run", for what holds the run's id, and "each <step>", for what is another for each
    element of that step's `for_each`. `needed` are the marks that a name must have here.
    """

    catalog: Catalog
    params: Mapping[str, Marks] = field(default_factory=dict)
    needed: Marks = frozenset({RUN})
    steps: dict[str, Step] = field(default_factory=dict)

    def arguments(self, step: Step) -> dict[str, Marks]:
        """Return the marks of each of the step's arguments."""
        return {name: self.marks(value, step) for name, value in step.arguments.items()}

    def needed_by(self, step: Step) -> Marks:
        """Return the marks that the names in this step need."""
        return self.needed | ({_each(step)} if step.for_each is not None else _NONE)

    def unmarked(self, step: Step, entry: ResourceType) -> Iterator[tuple[list[str], Marks]]:
        """Yield the path of the first naming parameter and the marks that the names lack."""
        paths = [path.split(".")[1:] for path in entry.identity.values()]
        marks = _NONE.union(*(self.marks(_get(step.arguments, path), step) for path in paths))
        lacking = self.needed_by(step) - marks
        if lacking:
            yield paths[0], lacking

    @staticmethod
    def foreign(step: Step, named_in: Mapping[str, str]) -> Iterator[str]:
        """Yield the parameters by which a change names something that no run creates."""
        for name in named_in.values():
            if any("${{" not in text for text in texts(step.arguments.get(name))):
                yield name

    def marks(self, value: Any, step: Step) -> Marks:
        """Return the marks of a value in a step's `with`."""
        if isinstance(value, Mapping):
            return _NONE.union(*(self.marks(item, step) for item in value.values()))
        if isinstance(value, list):
            return _NONE.union(*(self.marks(item, step) for item in value))
        if not isinstance(value, str) or "${{" not in value:
            return _NONE
        try:
            parts = parse_template(value).expressions
        except SyntaxProblem:
            return self.needed_by(step)  # is reported already
        return _NONE.union(*(self._expression(parsed, step) for parsed, _ in parts))

    def _expression(self, parsed: Parsed, step: Step, *, after: bool = False) -> Marks:
        return _NONE.union(*(self._path(path, step, after=after) for path in parsed.paths()))

    def _path(self, path: tuple[str, ...], step: Step, *, after: bool) -> Marks:
        match path:
            case ("run",) | ("run", "id" | "name", *_):
                return frozenset({RUN})
            case ("params", name, *_):
                return self.params.get(name, self.needed_by(step))
            case ("item", *rest):
                return self._item(list(rest), step) | {_each(step)}
            case ("with" | "result" as part, *rest) if after:
                return self._earlier(step, part, list(rest))
            case ("steps", name, part, *rest) if name in self.steps:
                return self._earlier(self.steps[name], part, list(rest))
            case ("steps", *_):
                return self.needed_by(step)  # is reported already, or nobody can tell
            case _:
                return _NONE

    def _item(self, path: list[str], step: Step) -> Marks:
        items = step.first_of.items if step.first_of else step.for_each
        if not isinstance(items, list):
            return self.marks(items, step)
        marks = [self.marks(_get(element, path), step) for element in items]
        return frozenset.intersection(*marks) if marks else _NONE

    def _earlier(self, step: Step, part: str, path: list[str]) -> Marks:
        if part == "with":
            return self.marks(_get(step.arguments, path), step)
        if part == "outputs" and path and path[0] in step.outputs:
            return self._output(step.outputs[path[0]], step)
        # What a run made, and what a composite gives, belongs to the run.
        is_own = step.uses or self.catalog.created_by(*step.operation)
        return frozenset({RUN}) if is_own else _NONE

    def _output(self, text: str, step: Step) -> Marks:
        try:
            return self._expression(parse(text), step, after=True)
        except SyntaxProblem:
            return self.needed_by(step)


def _each(step: Step) -> str:
    return f"each {step.id}"


def _get(value: Any, path: list[str]) -> Any:
    """Return what is at a path, or the last thing on the way that is no mapping."""
    for name in path:
        if not isinstance(value, Mapping):
            return value
        value = value.get(name)
    return value
