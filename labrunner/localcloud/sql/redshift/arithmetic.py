"""Redshift's arithmetic: the types of its results, division, overflow, dates and intervals.

After "Computations with numeric values". The quotient of two decimals is cut, not rounded.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import (
    BIGINT,
    DATE,
    DOUBLE,
    FLOAT,
    INT,
    MAX_PRECISION,
    STRING,
    TIMESTAMP,
    VOID,
    Type,
    decimal,
)
from labrunner.localcloud.sql.errors import SqlError, unsupported
from labrunner.localcloud.sql.functions import filled
from labrunner.localcloud.sql.redshift import conversions
from labrunner.localcloud.sql.redshift.conversions import ORDER, as_decimal, is_literal
from labrunner.localcloud.sql.redshift.types import INTERVAL, TIMESTAMPTZ
from labrunner.localcloud.sql.redshift.wording import RedshiftError
from labrunner.localcloud.sql.values import Scope, Value, place_of, volatile

if TYPE_CHECKING:
    from sqlglot import exp

    Node = exp.Expression
else:
    Node = Any

SIGNS = {
    "Add": "+",
    "Sub": "-",
    "Mul": "*",
    "Div": "/",
    "Mod": "%",
    "Pow": "^",
    "BitwiseAnd": "&",
    "BitwiseOr": "|",
    "BitwiseXor": "#",
    "BitwiseLeftShift": "<<",
    "BitwiseRightShift": ">>",
}
MOMENTS = conversions.MOMENTS


def arithmetic(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile an operator of two numbers, or of a time and an interval."""
    left, right = (compiler.value(one, scope) for one in (node.this, node.expression))
    return operate(compiler, SIGNS[type(node).__name__], left, right, node)


def operate(compiler: Compiler, sign: str, left: Value, right: Value, node: Node) -> Value:
    """Compile an operator of two values; raises SqlError."""
    if _has_time(left) or _has_time(right):
        return _with_time(compiler, sign, left, right, node)
    if sign == "+" and left.type.is_text and right.type.is_text:
        return _joined(left, right)  # as the guide's example of NVL2 has it
    left, right = _typed(left, right), _typed(right, left)
    if not (left.type.is_number and right.type.is_number):
        types = [left.type, right.type]
        raise compiler.dialect.wording.no_common_type(sign, types, node)
    if sign == "^":
        a, b = conversions.widened(left, DOUBLE), conversions.widened(right, DOUBLE)
        return filled("rs_power_({0}, {1})", [a, b], DOUBLE)
    if sign in ("&", "|", "#", "<<", ">>"):
        return _bits(compiler, sign, left, right, node)
    kind = result_type(sign, left.type, right.type)
    if kind.name == "decimal":
        return _decimal(sign, left, right, kind)
    a, b = conversions.widened(left, kind), conversions.widened(right, kind)
    folded = _folded(sign, left, right)
    if folded is not None:
        return folded
    name = kind.duckdb
    if sign in "/%":
        zero = "rs_fail_('22012', 'division by zero')"
        operator = sign if sign == "%" or kind.name in ("float", "double") else "//"
        sql = f"CASE WHEN {{1}} = 0 THEN {zero} ELSE CAST({{0}} {operator} {{1}} AS {name}) END"
        return filled(sql, [a, b], kind)
    return filled(f"CAST(({{0}} {sign} {{1}}) AS {name})", [a, b], kind)


def _joined(left: Value, right: Value) -> Value:
    texts = [conversions.to_text(left), conversions.to_text(right)]
    kept = [one for one in texts if one is not None]
    return filled("({0} || {1})", kept, STRING)


def _has_time(value: Value) -> bool:
    return value.type.name in (*MOMENTS, "interval", "time")


def _typed(value: Value, other: Value) -> Value:
    """Return a value whose type is still open as of the other's type."""
    if value.type == VOID or is_literal(value):
        kind = other.type if other.type.is_number else INT if value.type == VOID else DOUBLE
        found = conversions.cast(value, kind)
        assert found is not None
        return found
    return value


def _folded(sign: str, left: Value, right: Value) -> Value | None:
    """Return what two literal integers make, where nothing can go wrong."""
    a, b = left.constant, right.constant
    if sign not in "+-*" or not isinstance(a, int) or not isinstance(b, int):
        return None
    found = {"+": a + b, "-": a - b, "*": a * b}[sign]
    if not -(2**31) <= found < 2**31 or not left.type == right.type == INT:
        return None
    return Value(f"CAST({found} AS INTEGER)", INT, found)


def result_type(sign: str, a: Type, b: Type) -> Type:
    """Return the type of an operator's result."""
    if a.name in ("float", "double") or b.name in ("float", "double"):
        return FLOAT if a == b == FLOAT else DOUBLE
    if "decimal" in (a.name, b.name):
        return _decimal_type(sign, as_decimal(a), as_decimal(b))
    return a if ORDER.index(a.name) >= ORDER.index(b.name) else b


def _decimal_type(sign: str, a: Type, b: Type) -> Type:
    if sign == "*":
        return _capped(a.precision + b.precision + 1, a.scale + b.scale)
    if sign == "/":
        scale = max(4, a.scale + b.precision - b.scale + 1)
        precision = a.precision - a.scale + b.scale + scale
        if precision > MAX_PRECISION:
            scale = max(MAX_PRECISION + scale - precision, 4)
        return _capped(precision, scale)
    scale = max(a.scale, b.scale)
    whole = max(a.precision - a.scale, b.precision - b.scale)
    return _capped(whole + scale + 1, scale)


def _capped(precision: int, scale: int) -> Type:
    return decimal(min(MAX_PRECISION, precision), min(scale, MAX_PRECISION - 1))


def _decimal(sign: str, left: Value, right: Value, kind: Type) -> Value:
    a = conversions.widened(left, as_decimal(left.type))
    b = conversions.widened(right, as_decimal(right.type))
    if sign == "/":
        return _quotient(a, b, kind)
    bad = "rs_fail_('22003', 'Numeric data overflow')"
    if sign == "%":
        zero = "rs_fail_('22012', 'division by zero')"
        wide = f"DECIMAL({MAX_PRECISION},{kind.scale})"
        inner = f"CAST(CAST({{0}} AS {wide}) % CAST({{1}} AS {wide}) AS {kind.duckdb})"
        return filled(f"CASE WHEN {{1}} = 0 THEN {zero} ELSE {inner} END", [a, b], kind)
    if sign == "*":
        if kind.scale != a.type.scale + b.type.scale or kind.precision < MAX_PRECISION:
            return filled(f"CAST({{0}} * {{1}} AS {kind.duckdb})", [a, b], kind)
        inner = f"TRY(CAST({{0}} * {{1}} AS {kind.duckdb}))"
    else:
        wide = f"DECIMAL({MAX_PRECISION},{kind.scale})"
        if kind.precision < MAX_PRECISION:
            wide = kind.duckdb
        inner = f"TRY(CAST(CAST({{0}} AS {wide}) {sign} CAST({{1}} AS {wide}) AS {kind.duckdb}))"
        if kind.precision < MAX_PRECISION:
            return filled(inner.removeprefix("TRY(").removesuffix(")"), [a, b], kind)
    known = "{0} IS NULL OR {1} IS NULL"
    sql = f"CASE WHEN {known} THEN NULL ELSE coalesce({inner}, {bad}) END"
    return filled(sql, [a, b], kind)


def _quotient(a: Value, b: Value, kind: Type) -> Value:
    """Return a decimal quotient: whole numbers of units are divided, as 128-bit integers."""
    shift = kind.scale - a.type.scale + b.type.scale
    sql = f"rs_quotient_({_units(0, a.type)}, {_units(1, b.type)}, {shift})"
    unit = f"CAST({Decimal(1).scaleb(-kind.scale):f} AS DECIMAL({kind.scale + 1},{kind.scale}))"
    whole = f"CAST({sql} AS DECIMAL({MAX_PRECISION},0))"
    return filled(f"CAST({whole} * {unit} AS {kind.duckdb})", [a, b], kind)


def _units(index: int, kind: Type) -> str:
    """Return a decimal as a whole number of its smallest units."""
    if not kind.scale:
        return f"CAST({{{index}}} AS HUGEINT)"
    power = f"CAST(1{'0' * kind.scale} AS DECIMAL({kind.scale + 1},0))"
    return f"CAST({{{index}}} * {power} AS HUGEINT)"


def _bits(compiler: Compiler, sign: str, left: Value, right: Value, node: Node) -> Value:
    if not (left.type.is_integer and right.type.is_integer):
        types = [left.type, right.type]
        raise compiler.dialect.wording.no_common_type(sign, types, node)
    kind = result_type(sign, left.type, right.type)
    if sign in ("<<", ">>"):
        if left.type != BIGINT and sign == "<<":
            raise unsupported("Redshift's << of less than a BIGINT", place_of(node))
        return filled(
            f"CAST({{0}} {sign} CAST({{1}} AS INTEGER) AS {left.type.duckdb})",
            [left, right],
            left.type,
        )
    name = kind.duckdb
    sql = f"(CAST({{0}} AS {name}) {sign} CAST({{1}} AS {name}))"
    if sign == "#":
        sql = f"xor(CAST({{0}} AS {name}), CAST({{1}} AS {name}))"
    return filled(sql, [left, right], kind)


# ---- times


def _with_time(compiler: Compiler, sign: str, left: Value, right: Value, node: Node) -> Value:
    names = (left.type.name, right.type.name)
    refused = compiler.dialect.wording.no_common_type(sign, [left.type, right.type], node)
    if "interval" in names:
        return _with_interval(compiler, sign, left, right, refused)
    if sign == "-" and left.type.name in MOMENTS and right.type.name in MOMENTS:
        if names == ("date", "date"):
            return filled("CAST({0} - {1} AS INTEGER)", [left, right], INT)
        sql = "(CAST({0} AS TIMESTAMP) - CAST({1} AS TIMESTAMP))"
        return filled(sql, [left, right], INTERVAL)
    if is_literal(right) and left.type.name in MOMENTS and sign == "-":
        found = conversions.cast(right, left.type)
        assert found is not None
        return _with_time(compiler, sign, left, found, node)
    if sign == "+" and right.type == DATE and left.type.is_integer:
        left, right = right, left
    if left.type == DATE and right.type.is_integer and sign in "+-":
        return filled(f"({{0}} {sign} CAST({{1}} AS INTEGER))", [left, right], DATE)
    raise refused


def _with_interval(
    compiler: Compiler, sign: str, left: Value, right: Value, refused: SqlError
) -> Value:
    del compiler
    if left.type == INTERVAL and (sign == "+" or (sign == "*" and right.type.is_number)):
        left, right = right, left
    if sign == "*" and left.type.is_number and right.type == INTERVAL:
        if isinstance(right.constant, int):  # microseconds
            wide = "HUGEINT" if left.type.is_integer else "DOUBLE"
            sql = (
                f"to_microseconds(CAST(round(CAST({{0}} AS {wide}) * {right.constant}) AS BIGINT))"
            )
            return filled(sql, [left], INTERVAL)
        if left.type.is_integer:
            return filled("({1} * CAST({0} AS INTEGER))", [left, right], INTERVAL)
        raise refused
    if left.type == right.type == INTERVAL and sign in "+-":
        return filled(f"({{0}} {sign} {{1}})", [left, right], INTERVAL)
    if right.type != INTERVAL or sign not in "+-":
        raise refused
    if left.type == DATE:
        left = Value(f"CAST({left.sql} AS TIMESTAMP)", TIMESTAMP, volatile=left.volatile)
    if left.type not in (TIMESTAMP, TIMESTAMPTZ):
        raise refused
    return filled(f"({{0}} {sign} {{1}})", [left, right], left.type)


UNITS: Mapping[str, tuple[str, int]] = {
    "millennium": ("to_months", 12000),
    "century": ("to_months", 1200),
    "decade": ("to_months", 120),
    "year": ("to_months", 12),
    "quarter": ("to_months", 3),
    "month": ("to_months", 1),
    "week": ("to_days", 7),
    "day": ("to_days", 1),
    "hour": ("to_microseconds", 3_600_000_000),
    "minute": ("to_microseconds", 60_000_000),
    "second": ("to_microseconds", 1_000_000),
    "millisecond": ("to_microseconds", 1_000),
    "microsecond": ("to_microseconds", 1),
}
QUANTITY = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*,?")
DAY = 86_400_000_000


def interval(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile INTERVAL '7 days, 3 hours'; a number alone is seconds."""
    del compiler, scope
    amount, unit = node.this, node.args.get("unit")
    if type(amount).__name__ != "Literal":
        raise unsupported("Redshift's interval of an expression", place_of(node))
    text = str(amount.this)
    if unit is not None:
        text = f"{text} {unit.name}"
    return _interval(text, node)


def _interval(text: str, node: Node) -> Value:
    from labrunner.localcloud.sql.redshift.dateparts import PARTS

    months, days, rest, at = 0, 0, Decimal(0), 0
    while at < len(text.rstrip()):
        found = QUANTITY.match(text, at)
        part = PARTS.get(found[2].lower() or "s", "") if found else ""
        if found is None or part not in UNITS:
            message = f'invalid input syntax for type interval: "{text}"'
            raise RedshiftError("22007", message, place_of(node))
        at = found.end()
        way, size = UNITS[part]
        number = Decimal(found[1]) * size
        if way == "to_months":
            months += int(number)
            if number != int(number):
                raise unsupported("Redshift's interval of a part of a month", place_of(node))
        elif way == "to_days":
            days += int(number)
            rest += (number - int(number)) * DAY
        else:
            rest += number
    parts = [("to_months", months), ("to_days", days), ("to_microseconds", int(rest))]
    sql = " + ".join(f"{way}({number})" for way, number in parts if number) or "to_days(0)"
    return Value(f"({sql})", INTERVAL, int(rest) if not months and not days else _none())


def _none() -> Any:
    from labrunner.localcloud.sql.values import NOT_CONSTANT

    return NOT_CONSTANT


def negative(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile a minus before a value."""
    value = compiler.value(node.this, scope)
    if is_literal(value):
        found = conversions.cast(value, DOUBLE)
        assert found is not None
        value = found
    if value.type == INTERVAL:
        return value.as_(f"(-{value.sql})", INTERVAL)
    if value.type == VOID:
        return value
    if not value.type.is_number:
        raise compiler.dialect.wording.no_common_type("-", [value.type], node)
    kind = value.type
    if isinstance(value.constant, int) and value.constant == 1 << 31 and kind == BIGINT:
        kind = INT
    sql = f"CAST(-{value.sql} AS {kind.duckdb})"
    if value.is_constant and value.constant is not None:
        return Value(sql, kind, -value.constant)
    return Value(sql, kind, volatile=volatile([value]))
