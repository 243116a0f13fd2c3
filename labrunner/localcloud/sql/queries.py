# ruff: noqa: S608 - the SQL is made of our own names and of quoted texts
"""The clauses of a query, in the order in which they take effect."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from labrunner.localcloud.sql import sources
from labrunner.localcloud.sql.datatypes import BOOLEAN, Type
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.values import (
    Grouping,
    Node,
    Query,
    Scope,
    Value,
    place_of,
)

if TYPE_CHECKING:
    from labrunner.localcloud.sql.compiler import Compiler

SELECT = frozenset(
    [
        "expressions",
        "from_",
        "joins",
        "laterals",
        "where",
        "group",
        "having",
        "order",
        "sort",
        "cluster",
        "distribute",
        "limit",
        "offset",
        "distinct",
        "with_",
        "windows",
        "qualify",
        "hint",
        "kind",
        "operation_modifiers",
    ]
)
SET = frozenset(
    [
        "this",
        "expression",
        "distinct",
        "with_",
        "order",
        "limit",
        "offset",
        "sort",
        "cluster",
        "distribute",
    ]
)
SETS = {"Union": "UNION", "Intersect": "INTERSECT", "Except": "EXCEPT"}


def compile_query(compiler: "Compiler", node: Node, parent: Scope | None) -> Query:
    """Compile SELECT, a set operation, or either in parentheses; raises SqlError."""
    kind = type(node).__name__
    if kind == "Subquery":
        compiler.expect(node, frozenset({"this", "with_"}))
        scope = _with(compiler, node, parent)
        return compile_query(compiler, node.this, scope)
    if kind == "Select":
        compiler.expect(node, SELECT)
        return _Select(compiler, node, parent).compile()
    if kind in SETS:
        compiler.expect(node, SET)
        return _set(compiler, node, parent)
    raise unsupported(f"{compiler.dialect.name}'s {kind} as a query", place_of(node))


def _with(compiler: "Compiler", node: Node, parent: Scope | None) -> Scope:
    """Return the scope in which the names of WITH are known."""
    scope = Scope(parent=parent)
    found = node.args.get("with_")
    if found is None:
        return scope
    compiler.expect(found, frozenset({"expressions"}))
    for cte in found.expressions:
        compiler.expect(cte, frozenset({"this", "alias"}))
        query = compile_query(compiler, cte.this, scope)
        names = sources.column_aliases(compiler, cte)
        if names:
            if len(names) != len(query.names):
                raise compiler.dialect.wording.other("WITH has another number of columns", cte)
            query = replace(query, names=tuple(names))
        scope.ctes[sources.alias_of(cte)] = (query, compiler.fresh("w"))
    return scope


def _with_sql(scope: Scope) -> str:
    parts = [f"{name} AS ({query.sql})" for query, name in scope.ctes.values()]
    return f"WITH {', '.join(parts)} " if parts else ""


def _set(compiler: "Compiler", node: Node, parent: Scope | None) -> Query:
    kind = type(node).__name__
    scope = _with(compiler, node, parent)
    branches = [compile_query(compiler, one, scope) for one in (node.this, node.expression)]
    left, right = branches
    if len(left.names) != len(right.names):
        why = f"Schema of both sides of {SETS[kind].lower()} should match."
        raise compiler.dialect.wording.other(why, node)
    types = []
    for pair in zip(left.types, right.types, strict=True):
        found = compiler.dialect.conversions.union(pair)
        if found is None:
            raise compiler.dialect.wording.no_common_type(SETS[kind], pair, node)
        types.append(found)
    word = SETS[kind] if node.args.get("distinct") else f"{SETS[kind]} ALL"
    texts = [_converted(compiler, one, types, node) for one in branches]
    query = Query(f"({texts[0]}) {word} ({texts[1]})", left.names, tuple(types))
    clauses = ("order", "sort", "cluster", "distribute", "limit", "offset")
    if not any(node.args.get(one) for one in clauses):
        return replace(query, sql=_with_sql(scope) + query.sql)
    alias = compiler.fresh("t")
    inner = Scope(relations=[query.relation("", alias)], parent=scope)
    items = [
        _Item(name, Value(f"{alias}.c{i}", kind))
        for i, (name, kind) in enumerate(zip(query.names, query.types, strict=True))
    ]
    tail = _order(compiler, node, inner, items) + _limit(compiler, node)
    columns = ", ".join(f"{alias}.c{i}" for i in range(len(items)))
    sql = f"{_with_sql(scope)}SELECT {columns} FROM ({query.sql}) AS {alias}{tail}"
    return replace(query, sql=sql)


def _converted(compiler: "Compiler", query: Query, types: Sequence[Type], node: Node) -> str:
    if list(query.types) == list(types):
        return query.sql
    alias = compiler.fresh("t")
    columns = []
    for index, (own, wanted) in enumerate(zip(query.types, types, strict=True)):
        value = compiler.dialect.conversions.implicit(Value(f"{alias}.c{index}", own), wanted)
        if value is None:
            raise compiler.dialect.wording.no_common_type("UNION", [own, wanted], node)
        columns.append(f"{value.sql} AS c{index}")
    return f"SELECT {', '.join(columns)} FROM ({query.sql}) AS {alias}"


@dataclass
class _Item:
    """One column of the select list."""

    name: str
    value: Value
    node: Any = None


class _Select:
    """One SELECT while it is compiled."""

    def __init__(self, compiler: "Compiler", node: Node, parent: Scope | None) -> None:
        self.compiler = compiler
        self.node = node
        self.outer = _with(compiler, node, parent)
        self.scope = Scope(parent=self.outer)

    def compile(self) -> Query:
        compiler, node = self.compiler, self.node
        if node.args.get("kind") or node.args.get("operation_modifiers"):
            raise unsupported(f"{compiler.dialect.name}'s kind of SELECT", place_of(node))
        if node.args.get("qualify") and not compiler.dialect.habits.qualify:
            raise unsupported(f"{compiler.dialect.name}'s QUALIFY", place_of(node))
        from_sql = sources.compile_from(compiler, node, self.scope)
        self._name_windows()
        where = self._condition("where", self.scope)
        group = self._group()
        scope = self.scope.inside(allows_aggregates=True, allows_windows=True, aliases={})
        items = self._items(scope)
        rows = self._generated(items)
        if rows is not None:
            return self._around_rows(rows, from_sql, where)
        having = self._named("having", scope, items) + self._named("qualify", scope, items)
        distinct = self._distinct()
        columns = ", ".join(f"{one.value.sql} AS c{i}" for i, one in enumerate(items))
        body = f"SELECT {distinct}{columns}{from_sql}{where}{group}{having}"
        tail = self._tail(scope, items, is_distinct=bool(distinct))
        return Query(
            f"{_with_sql(self.outer)}{body}{tail}",
            tuple(one.name for one in items),
            tuple(one.value.type for one in items),
        )

    def _name_windows(self) -> None:
        for one in self.node.args.get("windows") or ():
            self.scope.windows[one.this.name.lower()] = one

    def _distinct(self) -> str:
        found = self.node.args.get("distinct")
        if found is None:
            return ""
        self.compiler.expect(found, frozenset())
        return "DISTINCT "

    def _condition(self, clause: str, scope: Scope) -> str:
        found = self.node.args.get(clause)
        if found is None:
            return ""
        value = boolean(self.compiler, found.this, scope)
        return f" {clause.upper()} {value.sql}"

    def _group(self) -> str:
        found = self.node.args.get("group")
        if found is None:
            if self._aggregates():
                self.scope.grouping = Grouping({})
            return ""
        allowed = frozenset({"expressions", "grouping_sets", "cube", "rollup"})
        self.compiler.expect(found, allowed)
        grouping, sql = sources.compile_group(self.compiler, found, self.scope, self.node)
        self.scope.grouping = grouping
        return sql

    def _aggregates(self) -> bool:
        """Whether an aggregate stands in the select list, HAVING or ORDER BY, over no group."""
        parts = [*self.node.expressions, self.node.args.get("having"), self.node.args.get("order")]
        return (
            any(sources.has_aggregate(self.compiler, one) for one in parts if one is not None)
            or self.node.args.get("having") is not None
        )

    def _items(self, scope: Scope) -> list[_Item]:
        items: list[_Item] = []
        for node in self.node.expressions:
            if _is_star(node):
                items += self._star(node)
                continue
            inner = node.this if type(node).__name__ in ("Alias", "Aliases") else node
            if sources.generator_of(self.compiler, inner) is not None:
                if len(self.node.expressions) > 1:
                    why = "Only a single expression in the SELECT clause is supported with UDTF's"
                    raise self.compiler.dialect.wording.other(why, node)
                items.append(_Item("", Value("", BOOLEAN), node))
                continue
            items.append(self._item(node, inner, scope, len(items)))
            if self.compiler.dialect.habits.lateral_aliases and inner is not node:
                named = {items[-1].name: items[-1].value}
                scope.aliases.update(_hidden(named, self.scope))
        return items

    def _item(self, node: Node, inner: Node, scope: Scope, index: int) -> _Item:
        kind = type(node).__name__
        if kind == "Aliases":
            why = "AS clause has an invalid number of aliases"
            raise self.compiler.dialect.wording.other(why, node)
        if kind == "Alias":
            self.compiler.expect(node, frozenset({"this", "alias"}))
            name = node.args["alias"].name.lower()
        else:
            name = self._name(inner, index)
        value = self.compiler.value(inner, scope)
        return _Item(name, value, inner)

    def _name(self, node: Node, index: int) -> str:
        kind = type(node).__name__
        if kind == "Column":
            return str(node.this.name).lower()
        if kind == "Dot":
            return str(node.expression.name).lower()
        return self.compiler.dialect.habits.unnamed(index, node)

    def _star(self, node: Node) -> list[_Item]:
        self.compiler.expect(node, frozenset({"this", "table"}))
        if type(node).__name__ == "Column":
            self.compiler.expect(node.this, frozenset())
            wanted = str(node.args["table"].name).lower()
            if not self.scope.has(wanted):
                raise self.compiler.dialect.wording.column_not_found(wanted, self.scope, node)
            found = [c for r in self.scope.relations if r.name == wanted for c in r.columns]
        else:
            found = list(self.scope.columns())
        items = []
        for one in found:
            value = Value(one.sql, one.type, is_column=True)
            grouping = self.scope.grouping
            if grouping is not None:
                if one.sql not in grouping.keys:
                    raise self.compiler.dialect.wording.not_grouped(one.name, node)
                value = grouping.keys[one.sql]
            items.append(_Item(one.name, value))
        return items

    def _generated(self, items: list[_Item]) -> Node | None:
        found = [one.node for one in items if one.value.sql == ""]
        return found[0] if found else None

    def _around_rows(self, node: Node, from_sql: str, where: str) -> Query:
        """Compile a SELECT of one table-generating function."""
        for clause in ("group", "having", "order", "sort", "cluster", "distribute", "distinct"):
            if self.node.args.get(clause):
                why = "UDTF's are not supported with ORDER BY, GROUP BY, DISTINCT or the like"
                raise self.compiler.dialect.wording.other(why, node)
        query = sources.generated_query(self.compiler, node, self.scope, from_sql + where)
        return replace(query, sql=query.sql + _limit(self.compiler, self.node))

    def _named(self, clause: str, scope: Scope, items: list[_Item]) -> str:
        """Compile HAVING or QUALIFY, which may use names of the select list."""
        if not self.node.args.get(clause):
            return ""
        aliases = {one.name: one.value for one in items if one.node is not None}
        return self._condition(clause, scope.inside(aliases=_hidden(aliases, self.scope)))

    def _tail(self, scope: Scope, items: list[_Item], *, is_distinct: bool) -> str:
        order = _order(self.compiler, self.node, scope, items, is_distinct=is_distinct)
        return order + _limit(self.compiler, self.node)


def _hidden(aliases: dict[str, Value], scope: Scope) -> dict[str, Value]:
    """Return the names of the select list that are not also names of columns."""
    names = {one.name for one in scope.columns()}
    return {name: value for name, value in aliases.items() if name not in names}


def _is_star(node: Node) -> bool:
    kind = type(node).__name__
    return kind == "Star" or (kind == "Column" and type(node.this).__name__ == "Star")


def boolean(compiler: "Compiler", node: Node, scope: Scope) -> Value:
    """Compile a condition; raises SqlError."""
    value = compiler.value(node, scope)
    found = compiler.dialect.kinds.fit(value, "condition")
    if found is None:
        raise compiler.dialect.wording.no_common_type("condition", [value.type], node)
    return found


def _order(
    compiler: "Compiler",
    node: Node,
    scope: Scope,
    items: list[_Item],
    *,
    is_distinct: bool = False,
) -> str:
    # One reducer is a valid plan, and with one SORT BY orders the whole result.
    clauses = [node.args.get(one) for one in ("order", "sort", "cluster")]
    given = [one for one in clauses if one is not None]
    if len(given) > 1:
        raise compiler.dialect.wording.other("ORDER BY and SORT BY do not go together", node)
    distribute = node.args.get("distribute")
    if distribute is not None:
        for one in distribute.expressions:
            _ordering(compiler, one, scope, items, is_distinct=False)
    if not given:
        return ""
    compiler.expect(given[0], frozenset({"expressions"}))
    keys = [
        _ordering(compiler, one, scope, items, is_distinct=is_distinct)
        for one in given[0].expressions
    ]
    return f" ORDER BY {', '.join(keys)}"


def _ordering(
    compiler: "Compiler", node: Node, scope: Scope, items: list[_Item], *, is_distinct: bool
) -> str:
    tail = ""
    if type(node).__name__ == "Ordered":
        compiler.expect(node, frozenset({"this", "desc", "nulls_first"}))
        way = "DESC" if node.args.get("desc") else "ASC"
        tail = f" {way} NULLS {'FIRST' if node.args.get('nulls_first') else 'LAST'}"
        node = node.this
    else:
        tail = " ASC NULLS FIRST"
    if type(node).__name__ == "Literal" and not node.is_string:
        if not compiler.dialect.habits.order_by_position:
            raise compiler.dialect.wording.other("ORDER BY takes no position", node)
        position = int(node.this) if str(node.this).isdecimal() else 0
        if not 0 < position <= len(items):
            why = f"Invalid position alias in ORDER BY: position alias {node.this} does not exist"
            raise compiler.dialect.wording.other(why, node)
        return f"{position}{tail}"
    if type(node).__name__ == "Column" and "table" not in _set_parts(node):
        same = [i for i, one in enumerate(items) if one.name == str(node.this.name).lower()]
        if same:
            return f"{same[0] + 1}{tail}"
    aliases = {one.name: one.value for one in items if one.name}
    value = compiler.value(node, scope.inside(aliases=_hidden(aliases, scope)))
    texts = [one.value.sql for one in items]
    if value.sql in texts:
        return f"{texts.index(value.sql) + 1}{tail}"
    if is_distinct:
        raise compiler.dialect.wording.other("ORDER BY is not in the list of DISTINCT", node)
    return f"{value.sql}{tail}"


def _set_parts(node: Node) -> set[str]:
    return {name for name, part in node.args.items() if part}


def _limit(compiler: "Compiler", node: Node) -> str:
    sql = ""
    for clause in ("limit", "offset"):
        found = node.args.get(clause)
        if found is None:
            continue
        compiler.expect(found, frozenset({"this", "expression"}))
        number = found.expression
        if type(number).__name__ != "Literal" or not str(number.this).isdecimal():
            raise unsupported(f"{compiler.dialect.name}'s {clause.upper()} by an expression")
        sql += f" {clause.upper()} {int(number.this)}"
    return sql
