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
    "replaces": Replaces,
    "estimate": Estimate,
}
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
        found.add(key.where, *_unknown_key(str(key.value), _model(kind, ())))
    try:
        # Strict: pydantic would else take "yes" for true, and "20" for 20.
        built = kind.model_validate(node.plain, strict=True)
    except ValidationError as error:
        _report(kind, node, error, found)
        return None
    return None if renamed else built
