"""Hive's arithmetic: the types of its results, division, overflow, dates and intervals.

The types are those of GenericUDFBaseNumeric and its subclasses in Hive 3.1.
"""

from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import (
    BIGINT,
    DATE,
    DOUBLE,
    MAX_PRECISION,
    TIMESTAMP,
    VOID,
    Type,
    decimal,
)
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.functions import filled
from labrunner.localcloud.sql.hive import conversions
from labrunner.localcloud.sql.hive.conversions import ORDER, as_decimal
from labrunner.localcloud.sql.values import Node, Scope, Value, place_of

SIGNS = {
    "Add": "+",
    "Sub": "-",
    "Mul": "*",
    "Div": "/",
    "Mod": "%",
    "IntDiv": "DIV",
    "BitwiseAnd": "&",
    "BitwiseOr": "|",
    "BitwiseXor": "^",
}
MIN_SCALE = 6


def arithmetic(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile an operator of two numbers, or of a time and an interval."""
    left, right = (compiler.value(one, scope) for one in (node.this, node.expression))
    return operate(compiler, SIGNS[type(node).__name__], left, right, node)


def operate(compiler: Compiler, sign: str, left: Value, right: Value, node: Node) -> Value:
    """Compile an operator of two values; raises SqlError."""
    if "interval" in (left.type.name, right.type.name):
        return _with_interval(sign, left, right, node)
    for one in (left, right):
        if not (one.type.is_number or one.type.is_text or one.type == VOID):
            types = [left.type, right.type]
            raise compiler.dialect.wording.no_common_type(sign, types, node)
    if sign in "&|^" or sign == "DIV":
        return _whole(compiler, sign, left, right, node)
    kind = result_type(sign, left.type, right.type)
    if kind.name == "decimal":
        return _decimal(sign, left, right, kind)
    a, b = conversions.cast(left, kind), conversions.cast(right, kind)
    assert a is not None
    assert b is not None
    name = kind.duckdb
    if sign == "/":
        return filled(f"({{0}} / nullif({{1}}, 0::{name}))", [a, b], kind)
    if sign == "%":
        return filled(f"CAST({{0}} % nullif({{1}}, 0::{name}) AS {name})", [a, b], kind)
    # An integer that overflows is an error in DuckDB; in Hive it silently wraps around.
    return filled(f"CAST(({{0}} {sign} {{1}}) AS {name})", [a, b], kind)


def result_type(sign: str, left: Type, right: Type) -> Type:
    """Return the type of an operator's result."""
    a, b = (DOUBLE if one.is_text or one == VOID else one for one in (left, right))
    exact = not ({a.name, b.name} & {"float", "double"})
    if not exact:
        if sign == "/" or "decimal" in (a.name, b.name):
            return DOUBLE
        return a if ORDER.index(a.name) >= ORDER.index(b.name) else b
    if "decimal" in (a.name, b.name):
        return _decimal_type(sign, as_decimal(a), as_decimal(b))
    if sign == "/":
        return DOUBLE
    return a if ORDER.index(a.name) >= ORDER.index(b.name) else b


def _decimal_type(sign: str, a: Type, b: Type) -> Type:
    if sign == "*":
        return _adjusted(a.precision + b.precision + 1, a.scale + b.scale)
    if sign == "/":
        scale = max(MIN_SCALE, a.scale + b.precision + 1)
        return _adjusted(a.precision - a.scale + b.scale + scale, scale)
    scale = max(a.scale, b.scale)
    whole = (a.precision - a.scale, b.precision - b.scale)
    if sign == "%":
        return _adjusted(min(whole) + scale, scale)
    return _adjusted(max(whole) + scale + 1, scale)


def _adjusted(precision: int, scale: int) -> Type:
    if precision <= MAX_PRECISION:
        return decimal(precision, scale)
    least = min(scale, MIN_SCALE)
    return decimal(MAX_PRECISION, max(MAX_PRECISION - (precision - scale), least))


def _decimal(sign: str, left: Value, right: Value, kind: Type) -> Value:
    """Return an operator's result, NULL where its digits do not fit."""
    a, b = _as_decimal(left), _as_decimal(right)
    if sign in "*/":
        name = {"*": "java_multiply", "/": "java_divide"}[sign]
        sql = f"{name}(CAST({{0}} AS VARCHAR), CAST({{1}} AS VARCHAR), {kind.scale})"
        return filled(f"TRY_CAST({sql} AS {kind.duckdb})", [a, b], kind)
    wide = f"DECIMAL({MAX_PRECISION},{max(a.type.scale, b.type.scale)})"
    if sign == "%":
        sql = f"(CAST({{0}} AS {wide}) % nullif(CAST({{1}} AS {wide}), 0))"
    else:
        sql = f"(CAST({{0}} AS {wide}) {sign} CAST({{1}} AS {wide}))"
    return filled(f"TRY_CAST({sql} AS {kind.duckdb})", [a, b], kind)


def _as_decimal(value: Value) -> Value:
    found = conversions.cast(value, as_decimal(value.type))
    assert found is not None
    return found


def _whole(compiler: Compiler, sign: str, left: Value, right: Value, node: Node) -> Value:
    if not (left.type.is_integer and right.type.is_integer):
        types = [left.type, right.type]
        raise compiler.dialect.wording.no_common_type(sign, types, node)
    wider = left.type if ORDER.index(left.type.name) >= ORDER.index(right.type.name) else right.type
    if sign == "DIV":
        # GenericUDFOPIntegralDivide answers with a BIGINT for every integer.
        sql = "(CAST({0} AS BIGINT) // nullif(CAST({1} AS BIGINT), 0))"
        return filled(sql, [left, right], BIGINT)
    name = wider.duckdb
    sql = f"(CAST({{0}} AS {name}) {sign} CAST({{1}} AS {name}))"
    if sign == "^":
        sql = f"xor(CAST({{0}} AS {name}), CAST({{1}} AS {name}))"
    return filled(sql, [left, right], wider)


def _with_interval(sign: str, left: Value, right: Value, node: Node) -> Value:
    if sign == "+" and left.type.name == "interval":
        left, right = right, left
    time = left
    if time.type.is_text:
        found = conversions.cast(time, TIMESTAMP)
        assert found is not None
        time = found
    if sign not in "+-" or right.type.name != "interval" or not time.type.is_time:
        raise unsupported(f"Hive's {left.type} {sign} {right.type}", place_of(node))
    # A date stays a date with months, and becomes a timestamp with days and less.
    months = right.sql.startswith(("to_years", "to_months"))
    kind = DATE if months and time.type == DATE else TIMESTAMP
    return filled(f"CAST({{0}} {sign} {right.sql} AS {kind.duckdb})", [time], kind)


def negative(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile a minus before a value."""
    value = compiler.value(node.this, scope)
    if value.type.is_text:
        found = conversions.cast(value, DOUBLE)
        assert found is not None
        value = found
    if value.type == VOID:
        return value
    if not value.type.is_number:
        raise compiler.dialect.wording.no_common_type("-", [value.type], node)
    sql = f"CAST(-{value.sql} AS {value.type.duckdb})"
    if value.is_constant and value.constant is not None:
        return Value(sql, value.type, -value.constant)
    return value.as_(sql, value.type)
