# ruff: noqa: S608 - the SQL is made of our own names and of quoted texts
"""FROM and GROUP BY: tables, subqueries, joins, lateral views, and what rows are grouped by."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.values import (
    Column,
    Grouping,
    Node,
    Query,
    Relation,
    Scope,
    Value,
    place_of,
    start_of,
)

if TYPE_CHECKING:
    from labrunner.localcloud.sql.compiler import Compiler, Rows

QUERIES = frozenset({"Select", "Subquery", "Union", "Intersect", "Except", "Exists"})
TABLE = frozenset({"this", "db", "catalog", "alias"})
JOIN = frozenset({"this", "side", "kind", "on", "using"})
LATERAL = frozenset({"this", "view", "outer", "alias"})


def alias_of(node: Node) -> str:
    """Return the name that AS gives, or an empty one."""
    alias = node.args.get("alias")
    if alias is None:
        return ""
    return str(alias.this.name if type(alias).__name__ == "TableAlias" else alias.name).lower()


def column_aliases(compiler: "Compiler", node: Node) -> list[str]:
    """Return the names that AS gives to columns."""
    alias = node.args.get("alias")
    if alias is None or type(alias).__name__ != "TableAlias":
        return []
    compiler.expect(alias, frozenset({"this", "columns"}))
    return [str(one.name).lower() for one in alias.args.get("columns") or ()]


def compile_from(compiler: "Compiler", node: Node, scope: Scope) -> str:
    """Return the FROM clause, and fill the scope with its relations; raises SqlError."""
    found = node.args.get("from_")
    later = [*(node.args.get("joins") or ()), *(node.args.get("laterals") or ())]
    if found is None:
        if later:
            return _later(compiler, later, scope, "(SELECT 1)")
        return ""
    compiler.expect(found, frozenset({"this"}))
    source = found.this
    sql, relation = _relation(compiler, source, scope)
    scope.relations.append(relation)
    for part in ("joins", "laterals"):
        later += source.args.get(part) or ()
    return _later(compiler, later, scope, sql)


def _later(compiler: "Compiler", later: list[Node], scope: Scope, sql: str) -> str:
    """Add joins and lateral views in the order in which they were written."""
    for one in sorted(later, key=start_of):
        if type(one).__name__ == "Lateral":
            sql = _lateral(compiler, one, scope, sql)
        else:
            sql = _join(compiler, one, scope, sql)
    return f" FROM {sql}"


def _relation(compiler: "Compiler", node: Node, scope: Scope) -> tuple[str, Relation]:
    kind = type(node).__name__
    alias = compiler.fresh("t")
    if kind == "Table":
        compiler.expect(node, TABLE | {"joins", "laterals"})
        query, text = _table(compiler, node, scope)
        name = alias_of(node) or str(node.name).lower()
    elif kind == "Subquery":
        compiler.expect(node, frozenset({"this", "alias", "with_", "joins", "laterals"}))
        inner = node.copy()
        inner.set("alias", None)
        for part in ("joins", "laterals"):
            inner.set(part, None)
        query = compiler.query(inner, scope.parent)
        text, name = f"({query.sql})", alias_of(node)
        if not name:
            raise compiler.dialect.wording.other("A subquery in FROM needs an alias", node)
    else:
        raise unsupported(f"{compiler.dialect.name}'s {kind} in FROM", place_of(node))
    names = column_aliases(compiler, node)
    if names:
        if len(names) != len(query.names):
            raise compiler.dialect.wording.other("The alias has another number of columns", node)
        query = replace(query, names=tuple(names))
    if kind == "Subquery" and not compiler.dialect.habits.same_names:
        _expect_different(compiler, query, name, node)
    return f"{text} AS {alias}", query.relation(name, alias)


def _expect_different(compiler: "Compiler", query: Query, name: str, node: Node) -> None:
    twice = [one for one in query.names if query.names.count(one) > 1]
    if twice:
        raise compiler.dialect.wording.ambiguous(f"{twice[0]} in {name}", node)


def _table(compiler: "Compiler", node: Node, scope: Scope) -> tuple[Query, str]:
    parts = tuple(str(part.name).lower() for part in node.parts)
    if len(parts) == 1:
        cte = scope.cte(parts[0])
        if cte is not None:
            return cte[0], cte[1]
    found = compiler.catalog.find(parts, node)
    if found is None:
        raise compiler.dialect.wording.table_not_found(".".join(parts), node)
    return found, f"({found.sql})"


def _join(compiler: "Compiler", node: Node, scope: Scope, sql: str) -> str:
    compiler.expect(node, JOIN)
    key = ((node.args.get("side") or "").upper(), (node.args.get("kind") or "").upper())
    words = compiler.dialect.habits.joins.get(key)
    if words is None:
        raise unsupported(f"{compiler.dialect.name}'s {' '.join(key).strip()} JOIN", place_of(node))
    text, relation = _relation(compiler, node.this, scope)
    if any(one.name == relation.name for one in scope.relations):
        raise compiler.dialect.wording.other(f"Ambiguous table alias '{relation.name}'", node.this)
    on = node.args.get("on")
    if node.args.get("using"):
        on, relation = _using(compiler, node, scope, relation)
    scope.relations.append(relation)
    if on is None:
        if key not in (("", ""), ("", "CROSS"), ("", "INNER")):
            raise compiler.dialect.wording.other(f"{words} needs ON", node)
        return f"{sql} CROSS JOIN {text}"
    condition = compiler.value(on, scope)
    fitted = compiler.dialect.kinds.fit(condition, "condition")
    if fitted is None:
        raise compiler.dialect.wording.no_common_type("condition", [condition.type], on)
    if words == "SEMI JOIN":
        scope.relations.pop()  # its columns are known in ON alone
    if words == "CROSS JOIN":
        words = "JOIN"
    return f"{sql} {words} {text} ON {fitted.sql}"


def _using(
    compiler: "Compiler", node: Node, scope: Scope, relation: Relation
) -> tuple[Node, Relation]:
    """Return USING as a condition, and the relation that it joins, whose names count once."""
    from sqlglot import exp

    side = (node.args.get("side") or "").upper()
    if not compiler.dialect.habits.using or side not in ("", "LEFT"):
        raise unsupported(f"{compiler.dialect.name}'s {side} JOIN ... USING", place_of(node))
    names = [str(one.name).lower() for one in node.args["using"]]
    pairs = []
    for name in names:
        left = [one for one in scope.relations if one.find(name) and name not in one.merged]
        if len(left) != 1 or not relation.find(name) or not left[0].name or not relation.name:
            raise compiler.dialect.wording.column_not_found(name, scope, node)
        sides = [exp.column(name, table=one.name, quoted=True) for one in (left[0], relation)]
        pairs.append(exp.EQ(this=sides[0], expression=sides[1]))
    return exp.and_(*pairs, copy=False), replace(relation, merged=frozenset(names))


def generator_of(compiler: "Compiler", node: Node) -> Any:
    """Return the table-generating function that a node calls, None if it is no such call."""
    if type(node).__name__ != "Anonymous":
        return None
    return compiler.dialect.generators.get(node.name.lower())


def _rows(compiler: "Compiler", node: Node, scope: Scope) -> "Rows":
    from labrunner.localcloud.sql.functions import MismatchError

    make = generator_of(compiler, node)
    if make is None:
        kind = type(node).__name__
        name = node.name.lower() if kind == "Anonymous" else kind
        raise compiler.refuse_function(name, node)
    compiler.expect(node, frozenset({"this", "expressions"}))
    values = [compiler.value(one, scope) for one in node.expressions]
    try:
        found: Rows = make(compiler, values)
    except MismatchError as error:
        name = node.name.lower()
        raise compiler.dialect.wording.wrong_arguments(name, error, node) from None
    return found


def _named(compiler: "Compiler", rows: "Rows", names: list[str], node: Node) -> list[str]:
    if not names:
        return [name for name, _, _ in rows.columns]
    if len(names) != len(rows.columns):
        why = (
            "The number of aliases supplied in the AS clause does not match the number of columns "
            f"output by the UDTF expected {len(rows.columns)} aliases but got {len(names)}"
        )
        raise compiler.dialect.wording.other(why, node)
    return names


def _lateral(compiler: "Compiler", node: Node, scope: Scope, sql: str) -> str:
    """Add a lateral view: each row so far, once for each row that its function makes."""
    compiler.expect(node, LATERAL)
    if not node.args.get("view"):
        raise unsupported(f"{compiler.dialect.name}'s LATERAL without VIEW", place_of(node))
    rows = _rows(compiler, node.this, scope)
    names = _named(compiler, rows, column_aliases(compiler, node), node)
    alias = compiler.fresh("t")
    columns = list(scope.columns())
    kept = "".join(f", {one.sql} AS k{i}" for i, one in enumerate(columns))
    again = "".join(f", k{i}" for i in range(len(columns)))
    listed = "CASE WHEN len(l) > 0 THEN l ELSE [NULL] END" if node.args.get("outer") else "l"
    inner = f"SELECT {rows.sql} AS l{kept} FROM {sql}"
    sql = f"(SELECT unnest({listed}) AS u{again} FROM ({inner})) AS {alias}"
    numbers = iter(range(len(columns)))
    scope.relations[:] = [_moved(one, alias, numbers) for one in scope.relations]
    made = tuple(
        Column(name, kind, access.format(f"{alias}.u"))
        for name, (_, kind, access) in zip(names, rows.columns, strict=True)
    )
    scope.relations.append(Relation(alias_of(node), made))
    return sql


def _moved(relation: Relation, alias: str, numbers: Iterator[int]) -> Relation:
    columns = (replace(one, sql=f"{alias}.k{next(numbers)}") for one in relation.columns)
    return Relation(relation.name, tuple(columns))


def generated_query(compiler: "Compiler", node: Node, scope: Scope, tail: str) -> Query:
    """Return the query of a SELECT that has one table-generating function; raises SqlError."""
    kind = type(node).__name__
    inner, names = node, []
    if kind == "Alias":
        inner, names = node.this, [alias_of(node)]
    elif kind == "Aliases":
        inner, names = node.this, [str(one.name).lower() for one in node.expressions]
    rows = _rows(compiler, inner, scope)
    names = _named(compiler, rows, names, node)
    alias = compiler.fresh("t")
    columns = ", ".join(
        f"{access.format(f'{alias}.u')} AS c{i}" for i, (_, _, access) in enumerate(rows.columns)
    )
    sql = f"SELECT {columns} FROM (SELECT unnest({rows.sql}) AS u{tail}) AS {alias}"
    return Query(sql, tuple(names), tuple(one for _, one, _ in rows.columns))


def compile_group(
    compiler: "Compiler", node: Node, scope: Scope, select: Node
) -> tuple[Grouping, str]:
    """Return what a query is grouped by, and the clause; raises SqlError."""
    keys = [_group_key(compiler, one, scope, select) for one in node.expressions]
    grouping = Grouping({one.sql: one for one in keys})
    texts = [one.sql for one in keys]
    given = [one for one in ("grouping_sets", "cube", "rollup") if node.args.get(one)]
    if not given:
        return grouping, f" GROUP BY {', '.join(texts)}"
    if len(given) > 1 or len(node.args[given[0]]) > 1:
        raise unsupported(f"{compiler.dialect.name}'s several kinds of GROUP BY", place_of(node))
    grouping.has_sets = True
    found = node.args[given[0]][0]
    if given[0] == "grouping_sets":
        sets = [_set(compiler, one, scope, grouping) for one in found.expressions]
        return grouping, f" GROUP BY GROUPING SETS ({', '.join(sets)})"
    compiler.expect(found, frozenset())
    return grouping, f" GROUP BY {given[0].upper()} ({', '.join(texts)})"


def _group_key(compiler: "Compiler", node: Node, scope: Scope, select: Node) -> Value:
    habits = compiler.dialect.habits
    kind = type(node).__name__
    if kind == "Literal" and not node.is_string and habits.group_by_position:
        index = int(node.this) if str(node.this).isdecimal() else 0
        if not 0 < index <= len(select.expressions):
            raise compiler.dialect.wording.other(f"Invalid position {node.this} in GROUP BY", node)
        chosen = select.expressions[index - 1]
        return compiler.value(chosen.this if type(chosen).__name__ == "Alias" else chosen, scope)
    if kind == "Column" and habits.group_by_alias and not node.args.get("table"):
        name = str(node.this.name).lower()
        if compiler.column(name, None, node, scope) is None:
            for one in select.expressions:
                if type(one).__name__ == "Alias" and alias_of(one) == name:
                    return compiler.value(one.this, scope)
    return compiler.value(node, scope)


def _set(compiler: "Compiler", node: Node, scope: Scope, grouping: Grouping) -> str:
    kind = type(node).__name__
    members = node.expressions if kind == "Tuple" else [node.this if kind == "Paren" else node]
    texts = []
    for one in members:
        value = compiler.value(one, scope)
        if value.sql not in grouping.keys:
            why = "Grouping sets expression is not in GROUP BY key"
            raise compiler.dialect.wording.other(why, one)
        texts.append(value.sql)
    return f"({', '.join(texts)})"


def has_aggregate(compiler: "Compiler", node: Node) -> bool:
    """Whether an aggregate over groups stands in an expression, outside of its subqueries."""
    kind = type(node).__name__
    if kind in QUERIES:
        return False
    if kind == "Window":
        inner = node.this
        parts = [*inner.args.get("expressions", ()), *(node.args.get("partition_by") or ())]
        parts += [one for one in (node.args.get("order"),) if one is not None]
        return any(has_aggregate(compiler, one) for one in parts)
    if kind == "Anonymous" and node.name.lower() in compiler.dialect.aggregates:
        return True
    return any(has_aggregate(compiler, one) for one in node.iter_expressions())
