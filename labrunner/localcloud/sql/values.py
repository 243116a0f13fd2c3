"""Typed pieces of DuckDB's SQL, and the relations and scopes that names are found in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from labrunner.localcloud.sql.datatypes import Type
from labrunner.localcloud.sql.errors import Place

# A node of sqlglot's tree; sqlglot is imported late, and its types are looser than this.
Node = Any
LONG = 400  # characters of SQL from which a value is worth being bound to a name


class NotConstant:
    """The constant of a value that is none."""


NOT_CONSTANT = NotConstant()


@dataclass(frozen=True)
class Value:
    """An expression in DuckDB's SQL with its type in the dialect.

    `constant` is the Python value of a literal. A `volatile` one may not be written down twice.
    """

    sql: str
    type: Type
    constant: Any = NOT_CONSTANT
    is_column: bool = False
    volatile: bool = False

    @property
    def is_constant(self) -> bool:
        """Whether it was written as a literal."""
        return self.constant is not NOT_CONSTANT

    def as_(self, sql: str, kind: Type) -> "Value":
        """Return what a function of it alone is."""
        return Value(sql, kind, volatile=self.volatile)


@dataclass(frozen=True)
class Column:
    """A column that a relation offers."""

    name: str
    type: Type
    sql: str


@dataclass(frozen=True)
class Relation:
    """Something in a FROM clause: its name there, and its columns."""

    name: str
    columns: tuple[Column, ...]
    # Names that USING has joined with those of an earlier relation, and that count once.
    merged: frozenset[str] = frozenset()

    def find(self, name: str) -> list[Column]:
        """Return the columns of a name."""
        return [one for one in self.columns if one.name == name]


@dataclass(frozen=True)
class Query:
    """A compiled query; its columns are called c0, c1, ... in the SQL."""

    sql: str
    names: tuple[str, ...]
    types: tuple[Type, ...]

    def relation(self, name: str, alias: str) -> Relation:
        """Return the query as a relation that the SQL calls `alias`."""
        pairs = zip(self.names, self.types, strict=True)
        columns = (Column(n, t, f"{alias}.c{i}") for i, (n, t) in enumerate(pairs))
        return Relation(name, tuple(columns))


@dataclass
class Grouping:
    """What a grouped query's expressions may be made of.

    `keys` are the SQL texts of the grouping expressions, by what each is called in the result.
    """

    keys: dict[str, Value]
    has_sets: bool = False


@dataclass
class Scope:
    """Where the names of an expression are found, and what may stand in it."""

    relations: list[Relation] = field(default_factory=list)
    parent: "Scope | None" = None
    aliases: dict[str, Value] = field(default_factory=dict)
    ctes: "dict[str, tuple[Query, str]]" = field(default_factory=dict)
    windows: dict[str, Node] = field(default_factory=dict)
    grouping: Grouping | None = None
    allows_aggregates: bool = False
    allows_windows: bool = False
    in_aggregate: bool = False

    def inside(self, **changes: Any) -> "Scope":
        """Return the scope with other permissions."""
        return replace(self, **changes)

    def cte(self, name: str) -> "tuple[Query, str] | None":
        """Return the query that WITH gave a name, and what the SQL calls it."""
        if name in self.ctes:
            return self.ctes[name]
        return self.parent.cte(name) if self.parent else None

    def columns(self) -> Iterator[Column]:
        """Yield all columns in their order; those that USING joined come first."""
        merged = frozenset().union(*(one.merged for one in self.relations))
        rest = []
        for relation in self.relations:
            for column in relation.columns:
                if column.name not in merged:
                    rest.append(column)
                elif column.name not in relation.merged:
                    yield column
        yield from rest

    def has(self, relation: str) -> bool:
        """Whether a relation has this name."""
        return any(one.name == relation for one in self.relations)


def place_of(node: Node | None) -> Place | None:
    """Return where a node is in its statement, if sqlglot kept it."""
    if node is None:
        return None
    for one in node.walk():
        meta = one.meta
        if "line" in meta:
            width = meta.get("end", 0) - meta.get("start", 0) + 1
            return Place(int(meta["line"]), max(0, int(meta["col"]) - width))
    return None


def start_of(node: Node) -> int:
    """Return the first character of a node in its statement."""
    return min((one.meta["start"] for one in node.walk() if "start" in one.meta), default=0)


def volatile(values: Sequence[Value]) -> bool:
    """Whether any of several values is volatile."""
    return any(one.volatile for one in values)
