"""From what was read to the types of the lab format, every mistake in plain words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from labrunner.errors import did_you_mean
from labrunner.loader.tree import Diagnostics, MapNode, Node, ScalarNode
from labrunner.model import (
    Check,
    Composite,
    Estimate,
    ExpectError,
    FirstOf,
    Lab,
    Param,
    Replaces,
    Retry,
    Step,
    Until,
    Wait,
)

Built = TypeVar("Built", bound=BaseModel)

_PARTS: Mapping[str, type[BaseModel]] = {
    "steps": Step,
    "params": Param,
    "checks": Check,
    "expect_error": ExpectError,
    "until": Until,
    "wait": Wait,
    "retry": Retry,
    "first_of": FirstOf,
    "replaces": Replaces,
    "estimate": Estimate,
}
_SHOWN = 60
_RULES = {
    "id": "starts with a letter and has only a-z, 0-9 and _",
    "lab": "starts with a letter and has only a-z, 0-9 and -",
}
_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def build(kind: type[Built], node: Node, found: Diagnostics) -> Built | None:
    """Return the node as a lab, composite, step or param; None with diagnostics otherwise."""
    renamed = list(_field_names(kind, node))
    for key in renamed:
        found.add(key.where, *_unknown_key(str(key.value), Step))
    try:
        # Strict: pydantic would else take "yes" for true, and "20" for 20.
        built = kind.model_validate(node.plain, strict=True)
    except ValidationError as error:
        _report(kind, node, error, found)
        return None
    return None if renamed else built


def _report(kind: type[BaseModel], node: Node, error: ValidationError, found: Diagnostics) -> None:
    kinds: dict[tuple[str | int, ...], list[str]] = {}
    for one in error.errors(include_url=False):
        path = _existing(node, one["loc"])
        model = _model(kind, one["loc"])
        if one["type"] == "missing":
            found.add(node.at(path).where, f"missing key `{one['loc'][-1]}`")
        elif one["type"] == "extra_forbidden":
            _unknown(node, path, model, found)
        elif one["type"] in _KINDS:
            kinds.setdefault(path, []).append(_KINDS[one["type"]])
        else:
            _rule(node, path, one, found)
    for path, wanted in kinds.items():
        _wrong_kind(node, path, list(dict.fromkeys(wanted)), found)


def _existing(node: Node, location: Sequence[str | int]) -> tuple[str | int, ...]:
    """Return the part of a location that is in the file; pydantic adds names of alternatives."""
    path: tuple[str | int, ...] = ()
    for step in location:
        inner = node.child(step)
        if inner is None:
            break
        node, path = inner, (*path, step)
    return path


def _model(kind: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel]:
    """Return the type of the mapping that a location is in."""
    for step in reversed(location[:-1]):
        if isinstance(step, str) and step in _PARTS:
            return _PARTS[step]
    return kind


def _unknown(
    node: Node, path: tuple[str | int, ...], model: type[BaseModel], found: Diagnostics
) -> None:
    around = node.at(path[:-1])
    key = str(path[-1])
    where = around.keys[key].where if isinstance(around, MapNode) else around.where
    found.add(where, *_unknown_key(key, model))


def _unknown_key(key: str, model: type[BaseModel]) -> tuple[str, str]:
    known = [field.alias or name for name, field in model.model_fields.items()]
    aliases = {name: field.alias for name, field in model.model_fields.items() if field.alias}
    hint = f"did you mean '{aliases[key]}'?" if key in aliases else did_you_mean(key, known)
    return f"unknown key `{key}`", hint or f"known here: {', '.join(known)}"


def _field_names(kind: type[BaseModel], node: Node) -> Iterator[ScalarNode]:
    """Yield keys that are pydantic's names of fields, and not the lab format's."""
    if kind is Step and isinstance(node, MapNode):
        names = ("arguments", "condition")
        yield from (node.keys[name] for name in names if name in node.keys)
    steps = node.at(("steps",)).children if kind in (Lab, Composite) else ()
    for step in steps:
        yield from _field_names(Step, step)


def _wrong_kind(
    node: Node, path: tuple[str | int, ...], wanted: list[str], found: Diagnostics
) -> None:
    value = node.at(path)
    hint = ""
    if "text" in wanted and isinstance(value.plain, bool | int | float):
        hint = "quote it"
    elif "true or false" in wanted and isinstance(value.plain, str):
        hint = "in YAML 1.2 only true and false are not text"
    elif any("number" in word for word in wanted) and isinstance(value.plain, str):
        hint = "write a number, without quotes"
    message = f"{_name(path)} is {' or '.join(wanted)}, not {_shown(value.plain)}"
    found.add(value.where, message, hint)


def _rule(
    node: Node, path: tuple[str | int, ...], error: Mapping[str, Any], found: Diagnostics
) -> None:
    context = error.get("ctx", {})
    value = node.at(path)
    if error["loc"][-1:] == ("[key]",) and isinstance(around := node.at(path[:-1]), MapNode):
        value = around.keys[str(path[-1])]
    where, name = value.where, _name(path)
    match error["type"]:
        case "value_error":
            found.add(where, str(context["error"]))
        case "string_pattern_mismatch":
            rule = _RULES["id" if "_" in str(context["pattern"]) else "lab"]
            found.add(where, f"{_shown(value.plain)} cannot be a name here: one {rule}")
        case "literal_error":
            expected = str(context["expected"])
            known = [word.strip(" '") for word in expected.replace(" or ", ",").split(",")]
            hint = did_you_mean(str(value.plain), known)
            found.add(where, f"{name} is {expected}, not {_shown(value.plain)}", hint)
        case "too_short" | "string_too_short":
            found.add(where, f"{name} is empty")
        case "string_too_long":
            found.add(where, f"{name} is longer than {context['max_length']} characters")
        case "greater_than":
            found.add(where, f"{name} must be more than {context['gt']:g}")
        case "greater_than_equal":
            found.add(where, f"{name} must be {context['ge']:g} or more")
        case "less_than_equal":
            found.add(where, f"{name} must be {context['le']:g} or less")
        case _:
            found.add(where, f"{name}: {error['msg']}")


def _name(path: tuple[str | int, ...]) -> str:
    if not path:
        return "the file"
    last = path[-1]
    if isinstance(last, str):
        return f"`{last}`"
    return {"steps": "a step", "checks": "a check"}.get(
        str(path[-2]) if len(path) > 1 else "", f"element {last + 1}"
    )


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(value) if len(value) < _SHOWN else "a text"
    if isinstance(value, int | float):
        return str(value)
    return "a list" if isinstance(value, list) else "a mapping"
