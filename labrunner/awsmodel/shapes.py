"""From the shapes of a service model to the types of expressions."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from labrunner.expressions.types import (
    ANY,
    BOOLEAN,
    BYTES,
    INTEGER,
    NUMBER,
    STRING,
    TIMESTAMP,
    UNLIMITED,
    Limits,
    ListType,
    MapType,
    Scalar,
    Struct,
    Type,
)

Shape = Mapping[str, Any]

_SCALARS: Mapping[str, Scalar] = {
    "blob": BYTES,
    "boolean": BOOLEAN,
    "bigdecimal": NUMBER,
    "biginteger": INTEGER,
    "byte": INTEGER,
    "char": STRING,
    "character": STRING,
    "double": NUMBER,
    "float": NUMBER,
    "integer": INTEGER,
    "long": INTEGER,
    "short": INTEGER,
    "string": STRING,
    "timestamp": TIMESTAMP,
}

# Where botocore gives or takes something else than the shape says.
_OTHERWISE = frozenset(
    {
        ("cloudformation", "TemplateBody"),  # parsed on the way in
        ("iam", "policyDocumentType"),  # parsed on the way in
        ("s3", "CopySource"),  # text, or {Bucket, Key, VersionId}
    }
)


class Members(Mapping[str, Type]):
    """The members of a structure; each type is made when it is first asked for."""

    def __init__(self, names: Mapping[str, Any], make: Callable[[str], Type]) -> None:
        self._names = names
        self._make = make
        self._made: dict[str, Type] = {}

    def __getitem__(self, name: str) -> Type:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = self._make(name)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Shapes:
    """The shapes of one service."""

    def __init__(self, service: str, shapes: Mapping[str, Shape]) -> None:
        self._service = service
        self._shapes = shapes
        self._types: dict[str, Type] = {}
        self._sensitive: dict[str, bool] = {}

    def shape(self, name: str) -> Shape:
        """Return the shape as the service model has it."""
        return self._shapes[name]

    def struct(self, reference: Shape | None, title: str) -> Struct:
        """Return the structure that an operation takes or gives, empty where it has none."""
        if reference is None:
            return Struct(title, {})
        return self._struct(reference["shape"], title)

    def type(self, reference: Shape) -> Type:
        """Return the type of a reference to a shape."""
        name = reference["shape"]
        if name not in self._types:
            self._types[name] = ANY  # a list of itself ends here; structures are lazy
            self._types[name] = self._make(name)
        return ANY if reference.get("jsonvalue") else self._types[name]

    def _make(self, name: str) -> Type:
        shape = self._shapes[name]
        kind = shape["type"]
        if shape.get("eventstream") or shape.get("document") or self._is_otherwise(name):
            return ANY
        if kind == "structure":
            return self._struct(name, name)
        if kind == "list":
            return ListType(self.type(shape["member"]), _limits(shape))
        if kind == "map":
            return MapType(self.type(shape["value"]), _limits(shape))
        return _scalar(shape)

    def _is_otherwise(self, name: str) -> bool:
        return (self._service, name) in _OTHERWISE

    def _struct(self, name: str, title: str) -> Struct:
        shape = self._shapes[name]
        members: Mapping[str, Shape] = shape.get("members", {})
        # botocore fills in idempotency tokens itself.
        required = {m for m in shape.get("required", ()) if not _is_token(members.get(m))}
        return Struct(
            title,
            Members(members, lambda member: self.type(members[member])),
            frozenset(required),
            only_one=bool(shape.get("union")),
        )

    def is_sensitive(self, name: str) -> bool:
        """Return whether the shape, or anything in it, is marked as sensitive."""
        if name not in self._sensitive:
            self._sensitive[name] = False  # what recurs adds nothing
            shape = self._shapes[name]
            self._sensitive[name] = bool(shape.get("sensitive")) or any(
                self.is_sensitive(reference["shape"]) for reference in inner(shape)
            )
        return self._sensitive[name]


def inner(shape: Shape) -> list[Shape]:
    """Return the references to the shapes directly inside a shape."""
    named = [shape[part] for part in ("member", "key", "value") if part in shape]
    return [*shape.get("members", {}).values(), *named]


def _is_token(reference: Shape | None) -> bool:
    return bool(reference and reference.get("idempotencyToken"))


def _scalar(shape: Shape) -> Scalar:
    plain = _SCALARS.get(shape["type"], STRING)
    limits = _limits(shape)
    if limits is UNLIMITED and "enum" not in shape:
        return plain
    return Scalar(plain.name, tuple(shape.get("enum", ())), limits)


def _limits(shape: Shape) -> Limits:
    if not any(word in shape for word in ("min", "max", "pattern")):
        return UNLIMITED
    return Limits(shape.get("min"), shape.get("max"), shape.get("pattern", ""))
