"""The steps of a lab or composite, one after the other, with what each can know of the others."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from labrunner.awsmodel import Models, Operation, UnknownName
from labrunner.catalog import Catalog
from labrunner.errors import Failure, Location
from labrunner.expressions import Type
from labrunner.expressions.types import ANY, ListType, Scalar, Struct
from labrunner.loader import rules
from labrunner.loader.arguments import Arguments
from labrunner.loader.files import Files, LabFile, StepIn
from labrunner.loader.fitting import family, words
from labrunner.loader.kinds import Kind, kind_of
from labrunner.loader.names import (
    Names,
    given_to,
    outputs_of,
    step_type,
    unknown_step,
)
from labrunner.loader.ownership import refusal
from labrunner.loader.params import declared, is_of, limit_problem
from labrunner.loader.texts import Texts
from labrunner.loader.tree import Diagnostics, ListNode, MapNode, Node, ScalarNode
from labrunner.model import Step


@dataclass(frozen=True)
class Known:
    """What every check may look at; `composites` are the outputs of those that were checked."""

    models: Models
    catalog: Catalog
    files: Files
    texts: Texts
    found: Diagnostics
    composites: dict[str, Mapping[str, Type]] = field(default_factory=dict)


def check_file(file: LabFile, known: Known) -> dict[str, Type]:
    """Check the steps of a file; return the types of its outputs, which a composite has."""
    names = Names(file.params, [step.id for step in file.steps])
    for step in file.steps:
        if step.id in names.steps:
            known.found.add(step.node.at(("id",)).where, f"the id `{step.id}` is here twice")
        names.steps[step.id] = _check(step, names, known)
    outputs = file.root.child("outputs")
    if not isinstance(outputs, MapNode):
        return {}
    return {
        name: known.texts.expression(node, names.roots()) for name, node in outputs.members.items()
    }


def _check(step: StepIn, names: Names, known: Known) -> Type:
    if step.step is None:
        return unknown_step(step.id)
    return _StepCheck(step.step, step.node, names, known).run()


class _StepCheck:
    def __init__(self, step: Step, node: Node, names: Names, known: Known) -> None:
        self.step = step
        self.node = node
        self.names = names
        self.known = known
        self.add = known.found.add
        self.operation = self._operation()

    def run(self) -> Type:
        """Check everything in the step; return the type of `steps.<id>`."""
        self._order()
        roots = self.names.roots(self.step.id)
        if self.step.condition is not None:
            self._expression(("if",), roots)
        item = self._items(roots)
        self._rules()
        return self._uses(item) if self.step.uses else self._action(item)

    def _order(self) -> None:
        for index, name in enumerate(self.step.needs):
            message, hint = self.names.why_not(name, self.step.id)
            if message:
                self.add(self.node.at(("needs", index)).where, message, hint)

    def _items(self, roots: Struct) -> dict[str, Type]:
        """Return the root `item`, where there is one."""
        if self.step.first_of:
            return {"item": self._element("first_of", ("first_of", "items"), roots)}
        if self.step.for_each is not None:
            return {"item": self._element("for_each", ("for_each",), roots)}
        return {}

    def _element(self, key: str, path: tuple[str, ...], roots: Struct) -> Type:
        node = self.node.at(path)
        if isinstance(node, ScalarNode) and "${{" not in str(node.value):
            self.add(node.where, f"`{key}` needs a list", "write a list, or ${{ … }}")
            return ANY
        arguments = Arguments(self.known.texts, self.known.found, roots)
        kind = arguments.check(node, ANY, f"`{key}`")
        if isinstance(node, ListNode) and not node.items:
            self.add(node.where, f"`{key}` over an empty list")
        if isinstance(kind, ListType):
            return kind.element
        if family(kind):
            self.add(node.where, f"`{key}` needs a list, and this is {words(kind)}")
        return ANY

    def _rules(self) -> None:
        catalog, models = self.known.catalog, self.known.models
        for key, message, hint in rules.problems(self.step, self.operation, models, catalog):
            path = (key, "waiter") if key == "wait" else (key,)
            self.add(self.node.at(path).where, message, hint)
        refused = refusal(self.operation, catalog) if self.operation else None
        if refused:
            self.add(self._name_place(), *refused)

    def _action(self, item: dict[str, Type]) -> Type:
        kind = self._kind()
        given = self._arguments(kind.arguments, item)
        roots = self.names.roots(self.step.id, **item, **{"with": given}, result=kind.result)
        self._claims(roots)
        outputs = {name: self._expression(("outputs", name), roots) for name in self.step.outputs}
        return self._type({"with": given, "result": kind.result}, outputs)

    def _claims(self, roots: Struct) -> None:
        for index in range(len(self.step.checks)):
            self._claim(("checks", index, "that"), roots)
        if self.step.until:
            self._claim(("until", "that"), roots)
            for key in ("fail_if", "show"):
                if getattr(self.step.until, key) is not None:
                    self._expression(("until", key), roots)

    def _claim(self, path: tuple[str | int, ...], roots: Struct) -> None:
        kind = self._expression(path, roots)
        if family(kind) not in ("", "boolean"):
            message = f"this must be true or false, and is {words(kind)}"
            self.add(self.node.at(path).where, message, "compare it with something")

    def _uses(self, item: dict[str, Type]) -> Type:
        uses, where = self.step.uses or "", self.node.at(("uses",)).where
        file = self.known.files.composite(uses, where)
        outputs: Mapping[str, Type] = {}
        takes: Type = ANY
        if file and self.known.files.enter(uses, where):
            if uses not in self.known.composites:
                self.known.composites[uses] = check_file(file, self.known)
            outputs = self.known.composites[uses]
            takes = self._params(file, uses)
            self.known.files.leave()
        given = self._arguments(takes, item)
        if file:
            self._values(file)
        return self._type({"with": given}, outputs)

    @staticmethod
    def _params(file: LabFile, uses: str) -> Struct:
        required = {name for name, param in file.params.items() if param.default is None}
        # The values of literals are looked at in _values, as --param's are.
        members = {name: Scalar(declared(param).name) for name, param in file.params.items()}
        return Struct(uses, members, frozenset(required))

    def _values(self, file: LabFile) -> None:
        """Check literal values against what a composite's params ask for, beyond their types."""
        node = self.node.at(("with",))
        for name, param in file.params.items():
            value = node.child(name)
            if not isinstance(value, ScalarNode) or "${{" in str(value.value):
                continue
            if is_of(param, value.value) and (problem := limit_problem(param, value.value)):
                self.add(value.where, f"`{name}` {problem}")

    def _type(self, parts: Mapping[str, Type], outputs: Mapping[str, Type]) -> Type:
        step, many = self.step.id, self.step.for_each is not None
        return step_type(step, {**parts, "outputs": outputs_of(step, outputs)}, many=many)

    def _arguments(self, takes: Type, item: dict[str, Type]) -> Struct:
        node = self.node.child("with")
        if node is None:
            for name in sorted(takes.required if isinstance(takes, Struct) else ()):
                assert isinstance(takes, Struct)
                self.add(self._name_place(), f"{takes.name} needs the parameter `{name}`")
            return given_to(self.step.id, ANY)
        roots = self.names.roots(self.step.id, **item)
        arguments = Arguments(self.known.texts, self.known.found, roots)
        return given_to(self.step.id, arguments.check(node, takes, "`with`"))

    def _kind(self) -> Kind:
        if self.step.aws and self.operation is None:
            return Kind(ANY, ANY)
        try:
            return kind_of(self.step, self.known.models)
        except Failure as unknown:
            self.add(self._name_place(), unknown.what, unknown.why)
            return Kind(ANY, ANY)

    def _operation(self) -> Operation | None:
        if self.step.aws is None:
            return None
        service, dot, name = self.step.aws.partition(".")
        if not dot:
            message = f"`{service}` names no operation"
            self.add(self._name_place(), message, "write service.operation")
            return None
        try:
            return self.known.models.operation(service, name)
        except UnknownName as unknown:
            self.add(self._name_place(), unknown.message, unknown.hint)
            return None

    def _name_place(self) -> Location:
        return self.node.at((self.step.kind,)).where

    def _expression(self, path: tuple[str | int, ...], roots: Struct) -> Type:
        return self.known.texts.expression(self.node.at(path), roots)
