# ruff: noqa: ARG001, D402, E501 - the signature of a Special, and a call as its summary; a signature a line
"""Mathematical functions, after "Mathematical Functions"."""

from collections.abc import Sequence

from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import BIGINT, DOUBLE, INT, MAX_PRECISION, Type, decimal
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.functions import (
    MismatchError,
    Special,
    filled,
    merged,
    specials,
    table,
)
from labrunner.localcloud.sql.hive.arithmetic import result_type
from labrunner.localcloud.sql.hive.conversions import cast, common
from labrunner.localcloud.sql.values import Value

# Where Java has NaN, so has DuckDB; NULL is Hive's own.
TABLE = r"""
exp (double) -> double: exp({0})
ln (double) -> double: CASE WHEN {0} <= 0 THEN NULL ELSE ln({0}) END
log10 (double) -> double: CASE WHEN {0} <= 0 THEN NULL ELSE log10({0}) END
log2 (double) -> double: CASE WHEN {0} <= 0 THEN NULL ELSE ln({0}) / ln(2::DOUBLE) END
log (double, double) -> double: CASE WHEN {0} <= 1 OR {1} <= 0 THEN NULL ELSE ln({1}) / ln({0}) END
pow power (double, double) -> double: pow({0}, {1})
sqrt (double) -> double: CASE WHEN {0} < 0 THEN NULL ELSE sqrt({0}) END
cbrt (double) -> double: java_cbrt({0})
sin (double) -> double: CASE WHEN isinf({0}) THEN 'NaN'::DOUBLE ELSE sin({0}) END
cos (double) -> double: CASE WHEN isinf({0}) THEN 'NaN'::DOUBLE ELSE cos({0}) END
tan (double) -> double: CASE WHEN isinf({0}) THEN 'NaN'::DOUBLE ELSE tan({0}) END
asin (double) -> double: CASE WHEN abs({0}) > 1 THEN 'NaN'::DOUBLE ELSE asin({0}) END
acos (double) -> double: CASE WHEN abs({0}) > 1 THEN 'NaN'::DOUBLE ELSE acos({0}) END
atan (double) -> double: atan({0})
degrees (double) -> double: {0} * 180::DOUBLE / pi()
radians (double) -> double: {0} / 180::DOUBLE * pi()
e () -> double: exp(1::DOUBLE)
pi () -> double: pi()
bin (bigint) -> string: bin({0})
conv (string, int, int) -> string: java_conv({0}, {1}, {2})
factorial (int) -> bigint: CASE WHEN {0} < 0 OR {0} > 20 THEN NULL ELSE CAST(factorial({0}) AS BIGINT) END
shiftleft (bigint, int) -> bigint: CAST(hive_wrap_(({0}::HUGEINT * (1::HUGEINT << ({1} & 63))) & ((1::HUGEINT << 64) - 1), 64) AS BIGINT)
shiftright (bigint, int) -> bigint: {0} >> ({1} & 63)
width_bucket (double, double, double, int) -> int: CASE WHEN {3} <= 0 OR {1} = {2} THEN error('width_bucket(): the bounds are wrong') WHEN {1} < {2} THEN CASE WHEN {0} < {1} THEN 0 WHEN {0} >= {2} THEN {3} + 1 ELSE CAST(floor(({0} - {1}) * {3} / ({2} - {1})) AS INTEGER) + 1 END ELSE CASE WHEN {0} > {1} THEN 0 WHEN {0} <= {2} THEN {3} + 1 ELSE CAST(floor(({1} - {0}) * {3} / ({1} - {2})) AS INTEGER) + 1 END END
"""
VOLATILE = r"""
rand () -> double: random()
"""


def _one_number(values: Sequence[Value], name: str) -> Value:
    if len(values) != 1:
        raise MismatchError("")
    value = values[0]
    if value.type.is_text or value.type.name == "void":
        found = cast(value, DOUBLE)
        assert found is not None
        return found
    if not value.type.is_number:
        raise MismatchError(f"{name} takes numbers, not {value.type}", 0)
    return value


def _rounding(even: bool) -> Special:  # noqa: FBT001
    name = "bround" if even else "round"

    def compile_(compiler: Compiler, values: Sequence[Value]) -> Value:
        """round(number[, digits]): half up; bround rounds half to even."""
        if len(values) not in (1, 2):
            raise MismatchError("")
        value = _one_number(values[:1], name)
        digits = 0
        if len(values) > 1:
            if not isinstance(values[1].constant, int):
                raise MismatchError(f"{name.upper()} second argument only takes constant", 1)
            digits = values[1].constant
        if value.type.name == "decimal":
            return _round_decimal(value, digits, even=even)
        if value.type.is_integer:
            if digits >= 0:
                return value
            text = f"java_round_decimal(CAST({{0}} AS VARCHAR), {digits}, {even})"
            return filled(f"CAST({text} AS {value.type.duckdb})", [value], value.type)
        function = "java_round_even" if even else "java_round"
        wide = "float" if value.type.name == "float" else "double"
        kind = Type(wide)
        if wide == "float":
            # Float.toString's digits are rounded, not those of the double that it widens to.
            text = f"java_round_decimal(CAST({{0}} AS VARCHAR), {digits}, {even})"
            sql = f"CASE WHEN isfinite({{0}}) THEN CAST({text} AS FLOAT) ELSE {{0}} END"
            return filled(sql, [value], kind)
        return filled(f"{function}({{0}}, {digits})", [value], kind)

    return compile_


def _round_decimal(value: Value, digits: int, *, even: bool) -> Value:
    """After GenericUDFRound.getOutputTypeInfo."""
    whole = value.type.precision - value.type.scale
    if digits >= value.type.scale:
        kind = value.type
    elif digits < 0:
        kind = decimal(min(MAX_PRECISION, whole + 1), 0)
    else:
        kind = decimal(min(MAX_PRECISION, whole + digits + 1), digits)
    text = f"java_round_decimal(CAST({{0}} AS VARCHAR), {digits}, {even})"
    return filled(f"TRY_CAST({text} AS {kind.duckdb})", [value], kind)


def _whole(name: str) -> Special:
    def compile_(compiler: Compiler, values: Sequence[Value]) -> Value:
        """Floor and ceil: a BIGINT, of a decimal a decimal without digits after the point."""
        value = _one_number(values, name)
        if value.type.name == "decimal":
            whole = value.type.precision - value.type.scale
            kind = decimal(min(MAX_PRECISION, whole + 1), 0)
            return filled(f"CAST({name}({{0}}) AS {kind.duckdb})", [value], kind)
        if value.type.is_integer:
            return filled("CAST({0} AS BIGINT)", [value], BIGINT)
        most = f"{1 << 63}::DOUBLE"
        sql = f"hive_cut_({name}({{0}}::DOUBLE), -{most}, {most})"
        sql = f"CAST(least({sql}, {(1 << 63) - 1}::HUGEINT) AS BIGINT)"
        return filled(sql, [value], BIGINT)

    return compile_


def abs_(compiler: Compiler, values: Sequence[Value]) -> Value:
    """abs(number)."""
    value = _one_number(values, "abs")
    kind = value.type if value.type.name not in ("tinyint", "smallint") else INT
    return filled(f"abs(CAST({{0}} AS {kind.duckdb}))", [value], kind)


def sign(compiler: Compiler, values: Sequence[Value]) -> Value:
    """sign(number): a double; of a decimal an int."""
    value = _one_number(values, "sign")
    kind = INT if value.type.name == "decimal" else DOUBLE
    return filled(f"CAST(sign({{0}}) AS {kind.duckdb})", [value], kind)


def positive(compiler: Compiler, values: Sequence[Value]) -> Value:
    """positive(number)."""
    return _one_number(values, "positive")


def negative(compiler: Compiler, values: Sequence[Value]) -> Value:
    """negative(number)."""
    value = _one_number(values, "negative")
    return filled(f"CAST(-{{0}} AS {value.type.duckdb})", [value], value.type)


def pmod(compiler: Compiler, values: Sequence[Value]) -> Value:
    """pmod(a, b): a modulus that has the sign of b; NULL by zero."""
    if len(values) != 2:  # noqa: PLR2004
        raise MismatchError("")
    a, b = (_one_number([one], "pmod") for one in values)
    kind = result_type("%", a.type, b.type)
    if kind.name == "decimal":
        raise unsupported("Hive's pmod() of decimals")
    left, right = cast(a, kind), cast(b, kind)
    assert left is not None
    assert right is not None
    sql = f"CAST((({{0}} % nullif({{1}}, 0)) + {{1}}) % nullif({{1}}, 0) AS {kind.duckdb})"
    return filled(sql, [left, right], kind)


def mod(compiler: Compiler, values: Sequence[Value]) -> Value:
    """mod(a, b), which is a % b."""
    from labrunner.localcloud.sql.hive.arithmetic import operate

    if len(values) != 2:  # noqa: PLR2004
        raise MismatchError("")
    a, b = (_one_number([one], "mod") for one in values)
    return operate(compiler, "%", a, b, None)


def _extreme(name: str) -> Special:
    def compile_(compiler: Compiler, values: Sequence[Value]) -> Value:
        """Greatest and least: NULL if anything is, since Hive 2.0."""
        if len(values) < 2:  # noqa: PLR2004
            raise MismatchError(f"{name} requires at least 2 arguments, got {len(values)}")
        kinds = {one.type.name for one in values}
        kind = common([one.type for one in values])
        mixed = any(one.type.is_text for one in values) and len(kinds - {"void"}) > 1
        if kind is None or not kind.is_simple or mixed:
            raise unsupported(f"Hive's {name}() over values of several kinds")
        fitted = [cast(one, kind) for one in values]
        holes = [f"{{{i}}}" for i in range(len(values))]
        nothing = " OR ".join(f"{hole} IS NULL" for hole in holes)
        sql = f"CASE WHEN {nothing} THEN NULL ELSE {name}({', '.join(holes)}) END"
        return filled(sql, [one for one in fitted if one is not None], kind)

    return compile_


FUNCTIONS = merged(
    (
        table(TABLE),
        table(VOLATILE, is_volatile=True),
        specials(
            round=_rounding(even=False),
            bround=_rounding(even=True),
            floor=_whole("floor"),
            ceil=_whole("ceil"),
            ceiling=_whole("ceil"),
            abs=abs_,
            sign=sign,
            positive=positive,
            negative=negative,
            pmod=pmod,
            mod=mod,
            greatest=_extreme("greatest"),
            least=_extreme("least"),
        ),
    )
)
