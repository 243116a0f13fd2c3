# ruff: noqa: ARG001 - every rule has the signature of a Compile
"""Hive's literals and casts, after the manual's page on types."""

from decimal import Decimal

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INT,
    MAX_PRECISION,
    STRING,
    TIMESTAMP,
    VOID,
    Type,
    TypeTextError,
    decimal,
    parse,
)
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.values import Node, Scope, Value, place_of


def literal(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile a text or a number: an INT, else a BIGINT, else a decimal; with an exponent a double.

    So says TypeCheckProcFactory of Hive 3.1, where the manual still has DOUBLE for `1.5`.
    """
    if node.is_string:
        return Value(quoting.text(node.this), STRING, node.this)
    return number(compiler, str(node.this), node)


def number(compiler: Compiler, text: str, node: Node) -> Value:
    """Compile a number without a suffix."""
    if "e" in text.lower():
        value = float(text)
        return Value(f"CAST('{value!r}' AS DOUBLE)", DOUBLE, value)
    if text.isdecimal() and int(text) < 1 << 63:
        kind = INT if int(text) < 1 << 31 else BIGINT
        return Value(f"CAST({int(text)} AS {kind.duckdb})", kind, int(text))
    return exact(compiler, Decimal(text), node)


def exact(compiler: Compiler, value: Decimal, node: Node) -> Value:
    """Compile a decimal; its zeros at the end do not count."""
    plain = f"{value:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    whole, _, fraction = plain.lstrip("-").partition(".")
    precision = max(1, len(whole.lstrip("0")) + len(fraction))
    if precision > MAX_PRECISION:
        raise compiler.dialect.wording.other(f"Invalid numerical constant {plain}", node)
    kind = decimal(precision, len(fraction))
    return Value(f"CAST('{plain}' AS {kind.duckdb})", kind, Decimal(plain))


def null(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile NULL."""
    return Value("NULL", VOID, None)


def truth(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile TRUE and FALSE."""
    return Value("true" if node.this else "false", BOOLEAN, bool(node.this))


def type_of(node: Node) -> Type | None:
    """Return a type that stands in a statement, None if it is none of Hive's."""
    try:
        return parse(node.sql(dialect="hive"))
    except TypeTextError:
        return None


def cast(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile CAST, and the numbers with a suffix, `1L` and `4.5BD`, which sqlglot makes casts."""
    inner = node.this
    kind = type_of(node.args["to"])
    if kind is None:
        raise unsupported(f"Hive's type {node.args['to'].sql(dialect='hive')}", place_of(node))
    return compiler.cast(compiler.value(inner, scope), kind, node)


def time_literal(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile DATE '...' and TIMESTAMP '...'."""
    kind = type_of(node.args["to"])
    inner = node.this
    if type(inner).__name__ != "Literal" or kind not in (DATE, TIMESTAMP):
        return cast(compiler, node, scope)
    value = compiler.value(inner, scope)
    found = compiler.cast(value, kind, node)
    return Value(found.sql, kind)


def string_sequence(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile texts that follow one another, which are one text."""
    values = [compiler.value(one, scope) for one in node.expressions]
    whole = "".join(str(one.constant) for one in values)
    return Value(quoting.text(whole), STRING, whole)


INTERVAL = Type("interval")


def interval(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile an interval of one unit."""
    unit = node.args.get("unit")
    amount = node.this
    name = str(unit.this).upper().rstrip("S") if type(unit).__name__ == "Var" else ""
    if type(amount).__name__ != "Literal" or name not in UNITS:
        raise unsupported("Hive's interval of several units or of an expression", place_of(node))
    text = str(amount.this).strip()
    if not text.lstrip("+-").isdecimal():
        raise unsupported(f"Hive's interval '{text}'", place_of(node))
    return Value(f"{UNITS[name]}({int(text)})", INTERVAL)


UNITS = {
    "YEAR": "to_years",
    "MONTH": "to_months",
    "DAY": "to_days",
    "HOUR": "to_hours",
    "MINUTE": "to_minutes",
    "SECOND": "to_seconds",
}
