"""From sqlglot's tree to DuckDB's SQL: every node is in the dialect's table, or is refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from labrunner.localcloud.sql.datatypes import Type
from labrunner.localcloud.sql.errors import SqlError, unsupported
from labrunner.localcloud.sql.functions import Function, Kinds, MismatchError
from labrunner.localcloud.sql.values import Column, Node, Query, Scope, Value, place_of

# What sqlglot notes beside the parts of a node, and what says nothing.
NOTES = frozenset({"comments", "_type", "nested"})

Compile = Callable[["Compiler", Node, Scope], Value]


@dataclass(frozen=True)
class Rule:
    """How a kind of node is compiled, and which of its parts that takes into account."""

    compile: Compile
    parts: frozenset[str]


@dataclass(frozen=True)
class Over:
    """What is written in and behind an aggregate's call: `sum({distinct}x){window}`."""

    distinct: str = ""
    window: str = ""


@dataclass(frozen=True)
class Aggregate:
    """A proved aggregate: its call over groups; `distinct` says if DISTINCT was proved.

    `compile` is given the arguments and an `Over`, to be written into the SQL of the call.
    """

    compile: "Callable[[Compiler, Sequence[Value], Over], Value]"
    allows_distinct: bool = True
    needs_window: bool = False
    allows_window: bool = True


@dataclass(frozen=True)
class Rows:
    """What a table-generating function makes: a list of structs, with its columns."""

    sql: str
    columns: tuple[tuple[str, Type, str], ...]
    volatile: bool = False


Generator = Callable[["Compiler", Sequence[Value]], Rows]


class Wording(Protocol):
    """How a dialect words its refusals."""

    def table_not_found(self, name: str, node: Node | None) -> SqlError: ...
    def column_not_found(self, name: str, scope: Scope, node: Node) -> SqlError: ...
    def ambiguous(self, name: str, node: Node) -> SqlError: ...
    def not_grouped(self, name: str, node: Node) -> SqlError: ...
    def no_function(self, name: str, node: Node) -> SqlError: ...
    def wrong_arguments(self, name: str, why: MismatchError, node: Node) -> SqlError: ...
    def aggregate_here(self, name: str, node: Node) -> SqlError: ...
    def no_common_type(self, what: str, types: Sequence[Type], node: Node) -> SqlError: ...
    def other(self, why: str, node: Node | None) -> SqlError: ...


class Conversions(Protocol):
    """How a dialect changes types."""

    def cast(self, value: Value, to: Type) -> Value | None:
        """Return an explicit cast, None where there is none."""

    def common(self, types: Sequence[Type]) -> Type | None:
        """Return the type that values of several types get in one column, None if there is none."""

    def union(self, types: Sequence[Type]) -> Type | None:
        """Return the type of a column of a set operation, None if there is none."""

    def implicit(self, value: Value, to: Type) -> Value | None:
        """Return a value as the dialect makes it fit a column of a type."""


@dataclass(frozen=True)
class Habits:
    """Where dialects differ in the clauses of a query."""

    # Positions in the select list that GROUP BY and ORDER BY may give.
    group_by_position: bool = False
    order_by_position: bool = True
    # Names of the select list in GROUP BY.
    group_by_alias: bool = False
    # Names of columns that have none.
    unnamed: Callable[[int, Node], str] = lambda index, _: f"_c{index}"
    # By sqlglot's side and kind of a join: DuckDB's words.
    joins: Mapping[tuple[str, str], str] = field(default_factory=dict)
    qualify: bool = False
    # Names of the select list in the expressions that follow them in it.
    lateral_aliases: bool = False
    # Whether columns of a subquery may have one name until that is used.
    same_names: bool = False
    using: bool = False


@dataclass(frozen=True)
class Dialect:
    """All that was proved of a dialect."""

    name: str
    rules: Mapping[str, Rule]
    functions: Mapping[str, Function]
    aggregates: Mapping[str, Aggregate]
    generators: Mapping[str, Generator]
    kinds: Kinds
    conversions: Conversions
    wording: Wording
    # The names of functions that the real engine has, to tell "not here" from "not at all".
    known: frozenset[str]
    habits: Habits = field(default_factory=Habits)


class Catalog(Protocol):
    """Where a dialect's tables are found; the relation's columns are c0, c1, ... of the SQL."""

    def find(self, parts: tuple[str, ...], node: Node) -> Query | None:
        """Return a table or view as a query, None if there is none."""


class Compiler:
    """Compiles the queries of one statement."""

    def __init__(self, dialect: Dialect, catalog: Catalog) -> None:
        self.dialect = dialect
        self.catalog = catalog
        self._numbers = 0

    def fresh(self, letter: str) -> str:
        """Return a name that no other part of the statement has."""
        self._numbers += 1
        return f"{letter}{self._numbers}"

    def query(self, node: Node, parent: Scope | None = None) -> Query:
        """Compile a query; raises SqlError."""
        from labrunner.localcloud.sql import queries

        return queries.compile_query(self, node, parent)

    def value(self, node: Node, scope: Scope) -> Value:
        """Compile an expression; raises SqlError."""
        grouped = self._key(node, scope)
        if grouped is not None:
            return grouped
        kind = type(node).__name__
        rule = self.dialect.rules.get(kind)
        if rule is None:
            raise unsupported(f"{self.dialect.name}'s {construct(node)}", place_of(node))
        self.expect(node, rule.parts)
        return rule.compile(self, node, scope)

    def _key(self, node: Node, scope: Scope) -> Value | None:
        """Return an expression of a grouped query that is one of its keys."""
        grouping = scope.grouping
        if grouping is None or scope.in_aggregate or type(node).__name__ in ("Literal", "Null"):
            return None
        try:
            plain = self.value(
                node,
                scope.inside(
                    grouping=None, allows_aggregates=False, allows_windows=False, aliases={}
                ),
            )
        except SqlError:
            return None
        return grouping.keys.get(plain.sql)

    def expect(self, node: Node, parts: frozenset[str]) -> None:
        """Refuse a node that has a part which nothing would read; raises SqlError."""
        for name, part in node.args.items():
            empty = part is None or part is False or part == []
            if not empty and name not in parts and name not in NOTES:
                what = f"{construct(node)} with {name.strip('_').replace('_', ' ').upper()}"
                raise unsupported(f"{self.dialect.name}'s {what}", place_of(node))

    def column(self, name: str, relation: str | None, node: Node, scope: Scope) -> Value | None:
        """Return the column of a name, None if there is none; raises SqlError if there are two."""
        if relation is None and name in scope.aliases:
            return scope.aliases[name]
        found: list[Column] = []
        for one in scope.relations:
            if relation == one.name or (relation is None and name not in one.merged):
                found += one.find(name)
        if len(found) > 1:
            raise self.dialect.wording.ambiguous(name, node)
        if found:
            if scope.grouping is not None and not scope.in_aggregate:
                raise self.dialect.wording.not_grouped(name, node)
            return Value(found[0].sql, found[0].type, is_column=True)
        if scope.parent is not None and not (relation and scope.has(relation)):
            return self.column(name, relation, node, scope.parent)
        return None

    def call(self, name: str, values: Sequence[Value], node: Node) -> Value:
        """Compile a function's call; raises SqlError."""
        function = self.dialect.functions.get(name)
        if function is None:
            raise self.refuse_function(name, node)
        try:
            return function.call(self, values)
        except MismatchError as error:
            raise self.dialect.wording.wrong_arguments(name, error, node) from None

    def refuse_function(self, name: str, node: Node) -> SqlError:
        """Return the refusal of a function that is not in the table."""
        if name in self.dialect.known:
            what = f"{self.dialect.name}'s function {name}()"
            return unsupported(what, place_of(node))
        return self.dialect.wording.no_function(name, node)

    def cast(self, value: Value, to: Type, node: Node) -> Value:
        """Compile an explicit cast; raises SqlError."""
        found = self.dialect.conversions.cast(value, to)
        if found is None:
            text = f"{self.dialect.name}'s cast of {value.type} to {to}"
            raise unsupported(text, place_of(node))
        return found

    def alike(self, values: Sequence[Value], what: str, node: Node) -> tuple[list[Value], Type]:
        """Return values of one common type, as a column would hold them; raises SqlError."""
        types = [one.type for one in values]
        kind = self.dialect.conversions.common(types)
        if kind is None:
            raise self.dialect.wording.no_common_type(what, types, node)
        fitted = [self.dialect.conversions.implicit(one, kind) for one in values]
        if any(one is None for one in fitted):
            raise self.dialect.wording.no_common_type(what, types, node)
        return [one for one in fitted if one is not None], kind


WORDS = {
    "Anonymous": "function",
    "Bracket": "subscript",
    "Tuple": "list in parentheses",
    "JSONExtract": "operator ->",
    "Qualify": "QUALIFY",
    "Lambda": "lambda",
}


def construct(node: Node) -> str:
    """Name a kind of node in SQL's words where that is easy, else as sqlglot does."""
    kind = type(node).__name__
    if kind == "Anonymous":
        return f"function {node.name.lower()}()"
    return WORDS.get(kind, kind)
