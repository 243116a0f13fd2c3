"""Aggregates with WITHIN GROUP, and window functions with IGNORE NULLS."""

from typing import TYPE_CHECKING, Any

from labrunner.localcloud.sql import calls
from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import DOUBLE, STRING
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.functions import MismatchError
from labrunner.localcloud.sql.redshift import conversions
from labrunner.localcloud.sql.redshift.functions.aggregates import MAX_LISTAGG
from labrunner.localcloud.sql.redshift.wording import RedshiftError
from labrunner.localcloud.sql.values import Scope, Value, place_of

if TYPE_CHECKING:
    from sqlglot import exp

    Node = exp.Expression
else:
    Node = Any

NAMES = ("listagg", "percentile_cont", "percentile_disc")


def within_group(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile LISTAGG and the percentiles over groups."""
    name = _name(node)
    if not scope.allows_aggregates or scope.in_aggregate:
        raise compiler.dialect.wording.aggregate_here(name, node)
    if name == "percentile_disc":
        raise unsupported("Redshift's percentile_disc() without OVER", place_of(node))
    inner = scope.inside(
        in_aggregate=True, allows_aggregates=False, allows_windows=False, aliases={}
    )
    return _compiled(compiler, node, inner, "")


def over_window(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile LISTAGG and the percentiles over partitions."""
    compiler.expect(node.this, frozenset({"this", "expression"}))
    if node.args.get("order") or node.args.get("spec"):
        why = f"{_name(node.this)}() takes PARTITION BY alone in its OVER"
        raise compiler.dialect.wording.other(why, node)
    within = scope.inside(allows_windows=False, aliases={})
    keys = [compiler.value(one, within).sql for one in node.args.get("partition_by") or ()]
    window = f" OVER ({'PARTITION BY ' + ', '.join(keys) if keys else ''})"
    return _compiled(compiler, node.this, within, window)


def _name(node: Node) -> str:
    name = str(node.this.name).lower() if type(node.this).__name__ == "Anonymous" else ""
    if name not in NAMES:
        raise unsupported(f"Redshift's {name or 'call'}() WITHIN GROUP", place_of(node))
    return name


def _compiled(compiler: Compiler, node: Node, scope: Scope, window: str) -> Value:
    name, arguments = _name(node), list(node.this.expressions)
    distinct = bool(arguments) and type(arguments[0]).__name__ == "Distinct"
    if distinct:
        arguments = list(arguments[0].expressions)
    values = [compiler.value(one, scope) for one in arguments]
    order = [(one, compiler.value(one.this, scope)) for one in node.expression.expressions]
    if name == "listagg":
        return _listagg(compiler, values, order, node, window, distinct=distinct)
    if distinct or len(values) != 1 or len(order) != 1:
        why = MismatchError("it takes one number between 0 and 1, and one ORDER BY")
        raise compiler.dialect.wording.wrong_arguments(name, why, node)
    return _percentile(compiler, name, values[0], order[0], node, window)


def _listagg(  # noqa: PLR0913 - the parts of a call
    compiler: Compiler,
    values: list[Value],
    order: list[tuple[Node, Value]],
    node: Node,
    window: str,
    *,
    distinct: bool,
) -> Value:
    """listagg([DISTINCT] value[, separator]): no NULLs; NULL of nothing."""
    texts = [compiler.dialect.kinds.fit(one, "string") for one in values]
    if not 1 <= len(texts) <= 2 or None in texts:  # noqa: PLR2004
        why = MismatchError("it takes a text and a separator")
        raise compiler.dialect.wording.wrong_arguments("listagg", why, node)
    text, *rest = (one for one in texts if one is not None)
    if rest and not isinstance(rest[0].constant, str):
        raise unsupported(
            "Redshift's listagg() with a separator that is no literal", place_of(node)
        )
    separator = rest[0].sql if rest else "''"
    if distinct and any(key.sql not in (values[0].sql, text.sql) for _, key in order):
        rule = "For LISTAGG DISTINCT the ORDER BY must be the value itself"
        raise RedshiftError("42P10", rule, place_of(node))
    keys = [_key(one, text if distinct and key.sql == text.sql else key) for one, key in order]
    given = f" ORDER BY {', '.join(keys)}" if keys else ""
    if distinct and order and values[0].type.name not in ("string", "varchar", "char"):
        # DuckDB orders what DISTINCT keeps by the text alone; the numbers are put in order here.
        way = "DESC" if order[0][0].args.get("desc") else "ASC"
        listed = f"list(DISTINCT {values[0].sql}) FILTER ({values[0].sql} IS NOT NULL){window}"
        inner = conversions.to_text(Value("e", values[0].type))
        assert inner is not None
        sql = (
            f"array_to_string(list_transform(list_sort({listed}, '{way}'), "
            f"lambda e: {inner.sql}), {separator})"
        )
    else:
        word = "DISTINCT " if distinct else ""
        sql = f"string_agg({word}{text.sql}, {separator}{given}){window}"
    too_long = "rs_fail_('54000', 'Result size exceeds LISTAGG limit')"
    checked = f"CASE WHEN strlen(l) > {MAX_LISTAGG} THEN {too_long} ELSE l END"
    whole = f"list_transform([{sql}], lambda l: {checked})[1]"
    return Value(whole, STRING)


def _key(node: Node, value: Value) -> str:
    way = "DESC" if node.args.get("desc") else "ASC"
    nulls = "FIRST" if node.args.get("nulls_first") else "LAST"
    return f"{value.sql} {way} NULLS {nulls}"


def _percentile(  # noqa: PLR0913 - the parts of a call
    compiler: Compiler,
    name: str,
    place: Value,
    order: tuple[Node, Value],
    node: Node,
    window: str,
) -> Value:
    """percentile_cont and percentile_disc(fraction) of numbers."""
    one, value = order
    if not isinstance(place.constant, (int, float)) and not hasattr(place.constant, "as_tuple"):
        raise unsupported(f"Redshift's {name}() of anything but a literal", place_of(node))
    fraction = float(place.constant)
    if not 0 <= fraction <= 1:
        raise RedshiftError("22003", "percentile value must be between 0 and 1", place_of(node))
    if not value.type.is_number:
        why = MismatchError("ORDER BY must be a number")
        raise compiler.dialect.wording.wrong_arguments(name, why, node)
    if one.args.get("desc"):
        fraction = 1 - fraction
        if name == "percentile_disc":
            raise unsupported("Redshift's percentile_disc() in descending order", place_of(node))
    if name == "percentile_disc":
        sql = f"quantile_disc({value.sql}, {fraction!r}){window}"
        return Value(f"CAST({sql} AS {value.type.duckdb})", value.type)
    inner = f"CAST({value.sql} AS DOUBLE)"
    sql = f"quantile_cont({inner}, {fraction!r}::DOUBLE){window}"
    if value.type.name == "decimal":
        return Value(f"CAST({sql} AS {value.type.duckdb})", value.type)
    return Value(sql, DOUBLE)


def mark_outside(node: Node) -> Node:
    """Return FIRST_VALUE(x IGNORE NULLS) OVER with the mark behind the call, as LAG has it."""
    copy = node.copy()
    call = copy.this
    mark = call.expressions[0]
    call.set("expressions", [mark.this, *call.expressions[1:]])
    copy.set("this", type(mark)(this=call))
    return copy


def skipping(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile LAG, LEAD and the like with IGNORE NULLS or RESPECT NULLS behind the call."""
    mark = node.this
    inner = mark.this
    if type(inner).__name__ != "Anonymous":
        raise unsupported("Redshift's IGNORE NULLS here", place_of(node))
    copy = node.copy()
    call = copy.this.this
    copy.set("this", call)
    if type(mark).__name__ == "RespectNulls":
        return calls.window(compiler, copy, scope)
    name = str(inner.name).lower()
    if f"{name} ignore nulls" not in compiler.dialect.aggregates:
        raise unsupported(f"Redshift's {name}() IGNORE NULLS", place_of(node))
    call.set("this", f"{name} ignore nulls")
    return calls.window(compiler, copy, scope)
