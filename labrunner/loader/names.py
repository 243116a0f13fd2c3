"""What names mean at a place in a lab: the roots, and why others are not there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from labrunner.errors import did_you_mean
from labrunner.expressions import Type
from labrunner.expressions.types import ANY, STRING, ListType, Scalar, Struct
from labrunner.loader.infer import Explained
from labrunner.loader.params import declared
from labrunner.model import Param

RUN = Struct("run", {"id": STRING, "name": STRING, "lab": STRING})
TARGET = Struct(
    "target",
    {
        "name": Scalar("string", ("local", "aws", "endpoint")),
        "region": STRING,
        "account": STRING,
        "s3_url": STRING,
        "checkip_url": STRING,
    },
)
_ELSEWHERE = {
    "item": "`item` is there only in a step with `for_each`, in what is done for each element",
    "result": "`result` is there only after the action: in `checks`, `until` and `outputs`",
    "with": "`with` is there only after the action: in `checks`, `until` and `outputs`",
}


@dataclass
class Names:
    """The params and steps of a lab or composite; `steps` grows as steps are checked."""

    params: Mapping[str, Param]
    ids: Sequence[str]
    steps: dict[str, Type] = field(default_factory=dict)

    def roots(self, step: str = "", **more: Type) -> Struct:
        """Return the roots that the expressions of a step see."""
        members: dict[str, Type] = {
            "params": self._params(),
            "steps": Explained("steps", dict(self.steps), why=lambda name: self._step(name, step)),
            "run": RUN,
            "target": TARGET,
            **more,
        }
        return Explained("the roots", members, why=lambda name: _root(name, list(members)))

    def why_not(self, name: str, step: str) -> tuple[str, str]:
        """Say why a step cannot be referred to, message and hint; ("", "") when it can."""
        return ("", "") if name in self.steps else self._step(name, step)

    def _params(self) -> Struct:
        types = {name: declared(param) for name, param in self.params.items()}
        return Explained("params", types, why=self._param)

    def _param(self, name: str) -> tuple[str, str]:
        known = ", ".join(self.params) or "none"
        hint = did_you_mean(name, list(self.params)) or f"there are: {known}"
        return f"there is no param `{name}`", hint

    def _step(self, name: str, current: str) -> tuple[str, str]:
        if name == current:
            return f"step `{name}` looks at itself", "use `result` and `with`, after the action"
        if name in self.ids:
            return f"step `{name}` is defined later", "a step can look at earlier steps only"
        known = ", ".join(self.steps) or "none"
        hint = did_you_mean(name, list(self.ids)) or f"the steps before this: {known}"
        return f"there is no step `{name}`", hint


def step_type(step: str, parts: Mapping[str, Type], *, many: bool) -> Struct:
    """Return what `steps.<id>` is: each part, or with `for_each` a list of each."""
    members = {name: _many(kind) for name, kind in parts.items()} if many else parts
    return Struct(f"step `{step}`", members)


class Outputs(Explained):
    """The outputs of a step."""


def outputs_of(step: str, types: Mapping[str, Type]) -> Struct:
    """Return the type of a step's outputs."""

    def why(name: str) -> tuple[str, str]:
        hint = did_you_mean(name, list(types))
        return f"step `{step}` has no output `{name}`", hint or "declare it under `outputs`"

    return Outputs(f"the outputs of step `{step}`", types, why=why)


def given_to(step: str, given: Type) -> Struct:
    """Return the type of a step's `with`: what is given there, and no more."""
    types = given.members if isinstance(given, Struct) else {}

    def why(name: str) -> tuple[str, str]:
        hint = did_you_mean(name, list(types)) or f"given are: {', '.join(types) or 'none'}"
        return f"`{name}` is not given in `with` of step `{step}`", hint

    return Explained(f"`with` of step `{step}`", types, why=why)


def unknown_step(step: str) -> Struct:
    """Return the type of a step that is not valid itself: anything may be said of it."""
    return Struct(f"step `{step}`", dict.fromkeys(("with", "result", "outputs"), ANY))


def _many(kind: Type) -> Type:
    """Return the part of a step with `for_each`: of outputs each is a list."""
    if isinstance(kind, Outputs):
        lists = {name: ListType(inner) for name, inner in kind.members.items()}
        return Outputs(kind.name, lists, why=kind.why)
    return ListType(kind)


def _root(name: str, roots: Sequence[str]) -> tuple[str, str]:
    if name in _ELSEWHERE:
        return _ELSEWHERE[name], ""
    hint = did_you_mean(name, roots) or f"the roots here are {', '.join(roots)}"
    return f"there is no root `{name}`", hint
