"""Calls of functions: scalar, aggregate, and over windows."""

from typing import Any

from labrunner.localcloud.sql.compiler import Aggregate, Compiler, Over
from labrunner.localcloud.sql.datatypes import VOID
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.functions import MismatchError
from labrunner.localcloud.sql.values import Node, Scope, Value, place_of, volatile

WINDOW = frozenset({"this", "partition_by", "order", "spec", "alias", "over"})
SPEC = frozenset({"kind", "start", "start_side", "end", "end_side"})


def call(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile a call by name: a function's, or an aggregate's over groups."""
    name = node.name.lower()
    aggregate = compiler.dialect.aggregates.get(name)
    if aggregate is None:
        if name in compiler.dialect.generators:
            why = "UDTF's are not supported outside the SELECT clause, nor nested in expressions"
            raise compiler.dialect.wording.other(f"{why}: {name}", node)
        values = [compiler.value(one, scope) for one in node.expressions]
        return compiler.call(name, values, node)
    if not scope.allows_aggregates or scope.in_aggregate or aggregate.needs_window:
        raise compiler.dialect.wording.aggregate_here(name, node)
    inner = scope.inside(
        in_aggregate=True, allows_aggregates=False, allows_windows=False, aliases={}
    )
    return _aggregate(compiler, name, aggregate, node, inner, "")


def _aggregate(  # noqa: PLR0913 - the parts of a call
    compiler: Compiler, name: str, aggregate: Aggregate, node: Node, scope: Scope, window: str
) -> Value:
    arguments = list(node.expressions)
    distinct = ""
    if arguments and type(arguments[0]).__name__ == "Distinct":
        compiler.expect(arguments[0], frozenset({"expressions"}))
        if not aggregate.allows_distinct or len(arguments) > 1:
            what = f"{compiler.dialect.name}'s {name}(DISTINCT ...)"
            raise unsupported(what, place_of(node))
        if window and "ORDER BY" in window:
            what = f"{compiler.dialect.name}'s {name}(DISTINCT ...) over an ordered window"
            raise unsupported(what, place_of(node))
        arguments, distinct = list(arguments[0].expressions), "DISTINCT "
    values = [
        Value("*", VOID) if type(one).__name__ == "Star" else compiler.value(one, scope)
        for one in arguments
    ]
    try:
        found = aggregate.compile(compiler, values, Over(distinct, window))
    except MismatchError as error:
        raise compiler.dialect.wording.wrong_arguments(name, error, node) from None
    return Value(found.sql, found.type, volatile=volatile(values))


def window(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile a call over a window."""
    inner = node.this
    kind = type(inner).__name__
    name = inner.name.lower() if kind == "Anonymous" else kind
    aggregate = compiler.dialect.aggregates.get(name)
    if aggregate is None or not aggregate.allows_window:
        if aggregate is None and name not in compiler.dialect.functions:
            raise compiler.refuse_function(name, node)
        raise unsupported(f"{compiler.dialect.name}'s {name}() over a window", place_of(node))
    if not scope.allows_windows:
        raise compiler.dialect.wording.other("A window function may not stand here", node)
    compiler.expect(inner, frozenset({"this", "expressions"}))
    within = scope.inside(allows_windows=False, aliases={})
    text = f" OVER ({_window(compiler, node, within)})"
    return _aggregate(compiler, name, aggregate, inner, within, text)


def _window(compiler: Compiler, node: Node, scope: Scope) -> str:
    alias = node.args.get("alias")
    if alias is not None:
        found = scope.windows.get(str(alias.name).lower())
        if found is None or any(node.args.get(one) for one in ("partition_by", "order", "spec")):
            raise compiler.dialect.wording.other(f"Undefined window {alias.name}", node)
        node = found
    compiler.expect(node, WINDOW)
    parts = []
    partition = node.args.get("partition_by")
    if partition:
        texts = [compiler.value(one, scope).sql for one in partition]
        parts.append(f"PARTITION BY {', '.join(texts)}")
    order = node.args.get("order")
    if order is not None:
        parts.append(
            f"ORDER BY {', '.join(_ordered(compiler, one, scope) for one in order.expressions)}"
        )
    spec = node.args.get("spec")
    if spec is not None:
        parts.append(_frame(compiler, spec))
    return " ".join(parts)


def _ordered(compiler: Compiler, node: Node, scope: Scope) -> str:
    compiler.expect(node, frozenset({"this", "desc", "nulls_first"}))
    way = "DESC" if node.args.get("desc") else "ASC"
    nulls = "FIRST" if node.args.get("nulls_first") else "LAST"
    return f"{compiler.value(node.this, scope).sql} {way} NULLS {nulls}"


def _frame(compiler: Compiler, node: Node) -> str:
    compiler.expect(node, SPEC)
    kind = str(node.args.get("kind") or "").upper()
    if kind not in ("ROWS", "RANGE"):
        raise unsupported(f"{compiler.dialect.name}'s window frame {kind}", place_of(node))
    start = _bound(compiler, node.args.get("start"), node.args.get("start_side"), node)
    end = "CURRENT ROW"
    if node.args.get("end") is not None:
        end = _bound(compiler, node.args.get("end"), node.args.get("end_side"), node)
    return f"{kind} BETWEEN {start} AND {end}"


def _bound(compiler: Compiler, bound: Any, side: Any, node: Node) -> str:
    if bound == "CURRENT ROW":
        return "CURRENT ROW"
    way = str(side or "").upper()
    if way in ("PRECEDING", "FOLLOWING"):
        if bound == "UNBOUNDED":
            return f"UNBOUNDED {way}"
        if type(bound).__name__ == "Literal" and str(bound.this).isdecimal():
            return f"{int(bound.this)} {way}"
    raise unsupported(f"{compiler.dialect.name}'s bound of a window frame", place_of(node))
