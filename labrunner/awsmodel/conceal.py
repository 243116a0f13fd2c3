"""Keep what AWS marks as sensitive from being written down."""

from collections.abc import Mapping
from typing import Any

from labrunner.awsmodel.shapes import Shape, Shapes
from labrunner.values import Secret


def conceal(shapes: Shapes, reference: Shape, value: Any) -> Any:
    """Return the value with every text of a sensitive shape as a Secret."""
    name = reference["shape"]
    if not shapes.is_sensitive(name):
        return value
    shape = shapes.shape(name)
    if shape.get("sensitive"):
        return _all(value)
    if isinstance(value, list) and "member" in shape:
        return [conceal(shapes, shape["member"], item) for item in value]
    if isinstance(value, Mapping):
        return {key: _item(shapes, shape, key, item) for key, item in value.items()}
    return value


def _item(shapes: Shapes, shape: Shape, key: str, value: Any) -> Any:
    reference = shape.get("members", {}).get(key) or shape.get("value")
    return conceal(shapes, reference, value) if reference else value


def _all(value: Any) -> Any:
    if isinstance(value, str):
        return Secret(value)
    if isinstance(value, list):
        return [_all(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _all(item) for key, item in value.items()}
    return value
