# ruff: noqa: D402, E501 - a call as its summary; a signature a line
"""Mathematical functions, after "Math functions"."""

from collections.abc import Callable, Sequence

from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import DATE, DOUBLE, MAX_PRECISION, Type, decimal
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.functions import (
    MismatchError,
    filled,
    merged,
    specials,
    table,
)
from labrunner.localcloud.sql.redshift import conversions
from labrunner.localcloud.sql.redshift.arithmetic import operate
from labrunner.localcloud.sql.values import Value

TABLE = r"""
abs (number) -> 0: abs({0})
sqrt (double) -> double: rs_sqrt_({0})
cbrt (double) -> double: cbrt({0})
exp dexp (double) -> double: exp({0})
ln dlog1 (double) -> double: rs_ln_({0})
log dlog10 (double) -> double: (CASE WHEN {0} > 0 THEN log10({0}) ELSE rs_ln_({0}) END)
power pow dpow (double, double) -> double: rs_power_({0}, {1})
sin (double) -> double: sin({0})
cos (double) -> double: cos({0})
tan (double) -> double: tan({0})
cot (double) -> double: cot({0})
asin (double) -> double: CASE WHEN abs({0}) > 1 THEN rs_fail_('22003', 'input is out of range') ELSE asin({0}) END
acos (double) -> double: CASE WHEN abs({0}) > 1 THEN rs_fail_('22003', 'input is out of range') ELSE acos({0}) END
atan (double) -> double: atan({0})
atan2 (double, double) -> double: atan2({0}, {1})
degrees (double) -> double: degrees({0})
radians (double) -> double: radians({0})
pi () -> double: pi()
"""


def _number(compiler: Compiler, values: Sequence[Value]) -> Value:
    if not values:
        raise MismatchError("")
    found = compiler.dialect.kinds.fit(values[0], "number")
    if found is None:
        raise MismatchError(f"a number is expected but {values[0].type} is found", 0)
    return found


def _digits(values: Sequence[Value], name: str) -> int | None:
    if len(values) > 2:  # noqa: PLR2004
        raise MismatchError("")
    if len(values) < 2:  # noqa: PLR2004
        return None
    if not isinstance(values[1].constant, int):
        raise unsupported(f"Redshift's {name}() to a number of digits that is no literal")
    return values[1].constant


def _whole(kind: Type) -> Type:
    return decimal(min(MAX_PRECISION, kind.precision - kind.scale + 1), 0)


def round_(compiler: Compiler, values: Sequence[Value]) -> Value:
    """round(number[, digits]), half away from zero."""
    value, digits = _number(compiler, values), _digits(values, "round")
    if value.type.is_integer and digits is None:
        return conversions.widened(value, DOUBLE)
    if value.type.name in ("float", "double"):
        return filled(f"round({{0}}::DOUBLE, {digits or 0})", [value], DOUBLE)
    kind = conversions.as_decimal(value.type)
    scale = max(0, min(kind.scale, digits or 0))
    wide = decimal(min(MAX_PRECISION, kind.precision - kind.scale + scale + 1), scale)
    sql = f"CAST(round({{0}}, {digits or 0}) AS {wide.duckdb})"
    return filled(sql, [conversions.widened(value, kind)], wide)


def trunc(compiler: Compiler, values: Sequence[Value]) -> Value:
    """trunc(number[, digits]), and trunc(timestamp), which is its date."""
    if len(values) == 1 and values[0].type.name in conversions.MOMENTS:
        return filled("CAST({0} AS DATE)", values, DATE)
    value, digits = _number(compiler, values), _digits(values, "trunc") or 0
    if value.type.name in ("float", "double"):
        power = f"{10.0 ** abs(digits)!r}::DOUBLE"
        way, back = ("*", "/") if digits >= 0 else ("/", "*")
        sql = (
            f"(trunc({{0}}::DOUBLE {way} {power}) {back} {power})"
            if digits
            else "trunc({0}::DOUBLE)"
        )
        return filled(sql, [value], DOUBLE)
    kind = conversions.as_decimal(value.type)
    scale = max(0, min(kind.scale, digits))
    wide = decimal(kind.precision - kind.scale + scale or 1, scale)
    fitted = conversions.widened(value, kind)
    if digits < 0:
        power = 10**-digits
        return filled(
            f"CAST(trunc({{0}})::HUGEINT // {power} * {power} AS {wide.duckdb})", [fitted], wide
        )
    inner = f"trunc({{0}}, {digits})" if digits < kind.scale else "{0}"
    return filled(f"CAST({inner} AS {wide.duckdb})", [fitted], wide)


def _edge(name: str) -> Callable[[Compiler, Sequence[Value]], Value]:
    def compile_(compiler: Compiler, values: Sequence[Value]) -> Value:
        """Ceil and floor."""
        if len(values) != 1:
            raise MismatchError("")
        value = _number(compiler, values)
        if value.type.is_integer:
            return conversions.widened(value, DOUBLE)
        kind = DOUBLE if value.type.name in ("float", "double") else _whole(value.type)
        return filled(f"CAST({name}({{0}}) AS {kind.duckdb})", [value], kind)

    return compile_


def mod(compiler: Compiler, values: Sequence[Value]) -> Value:
    """mod(a, b), as a % b."""
    if len(values) != 2:  # noqa: PLR2004
        raise MismatchError("")
    from sqlglot import exp

    return operate(compiler, "%", values[0], values[1], exp.Null())


def sign(compiler: Compiler, values: Sequence[Value]) -> Value:
    """sign(number): of a decimal as a decimal, else a double."""
    if len(values) != 1:
        raise MismatchError("")
    value = _number(compiler, values)
    kind = decimal(1, 0) if value.type.name == "decimal" else DOUBLE
    return filled(f"CAST(sign({{0}}) AS {kind.duckdb})", [value], kind)


FUNCTIONS = merged(
    (
        table(TABLE),
        table("random () -> double: random()", is_volatile=True),
        specials(
            round_=round_, trunc=trunc, ceil=_edge("ceil"), ceiling=_edge("ceil"),
            floor=_edge("floor"), mod=mod, sign=sign,
        ),
    )
)  # fmt: skip
