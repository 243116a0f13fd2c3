# ruff: noqa: D402 - a call as its summary; a signature a line
"""Aggregates and window functions, after "Aggregate functions" and "Window functions"."""

from collections.abc import Callable, Mapping, Sequence

from labrunner.localcloud.sql.compiler import Aggregate, Compiler, Over
from labrunner.localcloud.sql.datatypes import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    MAX_PRECISION,
    Type,
    decimal,
)
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.functions import MismatchError
from labrunner.localcloud.sql.redshift import conversions
from labrunner.localcloud.sql.redshift.wording import RedshiftError
from labrunner.localcloud.sql.values import Value

Compile = Callable[[Compiler, Sequence[Value], Over], Value]
MAX_LISTAGG = 65535  # bytes
FRAMES = (" ROWS ", " RANGE ")


def _framed(compile_: Compile) -> Compile:
    """An aggregate over an ordered window needs a frame, "an explicit frame clause is required"."""

    def checked(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
        if "ORDER BY" in over.window and not any(one in over.window for one in FRAMES):
            text = "Aggregate window functions with an ORDER BY clause require a frame clause"
            raise RedshiftError("42601", text)
        return compile_(compiler, values, over)

    return checked


def _one(compiler: Compiler, values: Sequence[Value], kind: str) -> Value:
    if len(values) != 1 or values[0].sql == "*":
        raise MismatchError("it takes one argument")
    found = compiler.dialect.kinds.fit(values[0], kind)
    if found is None:
        raise MismatchError(f"{kind} is expected but {values[0].type} is found", 0)
    return found


def count(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
    """count(*), count(value), count(DISTINCT value)."""
    del compiler
    if len(values) != 1:
        raise MismatchError("it takes one argument")
    if values[0].sql == "*":
        return Value(f"count(*){over.window}", BIGINT)
    value = (
        conversions.unpadded(values[0]) if over.distinct and values[0].type.is_text else values[0]
    )
    return Value(f"count({over.distinct}{value.sql}){over.window}", BIGINT)


def sum_(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
    """sum: BIGINT of SMALLINT and INTEGER, NUMERIC(38,0) of BIGINT, else as wide as it gets."""
    value = _one(compiler, values, "number")
    name = value.type.name
    if name in ("float", "double"):
        return Value(f"sum({over.distinct}CAST({value.sql} AS DOUBLE)){over.window}", DOUBLE)
    kind = BIGINT
    if name in ("bigint", "decimal"):
        kind = decimal(MAX_PRECISION, value.type.scale if name == "decimal" else 0)
    return Value(f"CAST(sum({over.distinct}{value.sql}){over.window} AS {kind.duckdb})", kind)


def avg(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
    """avg: BIGINT of whole numbers, cut; a decimal keeps its scale; else DOUBLE."""
    value = _one(compiler, values, "number")
    name = value.type.name
    if name in ("float", "double"):
        return Value(f"avg({over.distinct}CAST({value.sql} AS DOUBLE)){over.window}", DOUBLE)
    total = f"sum({over.distinct}{value.sql}){over.window}"
    number = f"count({over.distinct}{value.sql}){over.window}"
    if name != "decimal":
        return Value(f"CAST({total} // nullif({number}, 0) AS BIGINT)", BIGINT)
    kind = decimal(MAX_PRECISION, value.type.scale)
    power = 10**value.type.scale
    units = f"CAST({total} * CAST({power} AS DECIMAL({value.type.scale + 1},0)) AS HUGEINT)"
    whole = f"CAST({units} // nullif({number}, 0) AS DECIMAL({MAX_PRECISION},0))"
    one = f"{1 / power:.{value.type.scale}f}" if value.type.scale else "1"
    unit = f"CAST({one} AS DECIMAL({value.type.scale + 1},{value.type.scale}))"
    return Value(f"CAST({whole} * {unit} AS {kind.duckdb})", kind)


def _extreme(name: str) -> Compile:
    def compile_(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
        """Min and max."""
        value = _one(compiler, values, "any")
        if value.type.name == "boolean":
            raise MismatchError("no boolean has a least or greatest", 0)
        return Value(f"{name}({over.distinct}{value.sql}){over.window}", value.type)

    return compile_


def median(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
    """median: between two values linear."""
    value = _one(compiler, values, "any")
    if over.distinct:
        raise unsupported("Redshift's median(DISTINCT ...)")
    if value.type.name in conversions.MOMENTS:
        raise unsupported("Redshift's median() of dates")
    if not value.type.is_number:
        raise MismatchError(f"a number is expected but {value.type} is found", 0)
    sql = f"quantile_cont(CAST({value.sql} AS DOUBLE), 0.5::DOUBLE){over.window}"
    if value.type.name == "decimal":
        return Value(f"CAST({sql} AS {value.type.duckdb})", value.type)
    return Value(sql, DOUBLE)


def _spread(name: str) -> Compile:
    def compile_(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
        """Variance and standard deviation."""
        value = _one(compiler, values, "number")
        return Value(f"{name}({over.distinct}CAST({value.sql} AS DOUBLE)){over.window}", DOUBLE)

    return compile_


def _truth(name: str) -> Compile:
    def compile_(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
        """bool_and and bool_or, of booleans or whole numbers."""
        value = values[0] if values and values[0].type.is_integer else None
        if value is not None:
            value = conversions.cast(_one(compiler, values, "integer"), BOOLEAN)
        value = value or _one(compiler, values, "boolean")
        return Value(f"{name}({over.distinct}{value.sql}){over.window}", BOOLEAN)

    return compile_


def _bits(name: str) -> Compile:
    def compile_(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
        """bit_and and bit_or of whole numbers."""
        value = _one(compiler, values, "integer")
        return Value(f"{name}({over.distinct}{value.sql}){over.window}", value.type)

    return compile_


def any_value(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
    """any_value: one of the values that are not NULL, here the first."""
    value = _one(compiler, values, "any")
    return Value(f"any_value({value.sql}){over.window}", value.type)


# ---- over windows only


def _ordered(compile_: Compile, name: str) -> Compile:
    def checked(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
        if any(one in over.window for one in FRAMES):
            raise RedshiftError("42601", f"{name}() takes no frame clause")
        return compile_(compiler, values, over)

    return checked


def _rank(name: str, kind: Type) -> Compile:
    def compile_(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
        del compiler
        if values:
            raise MismatchError(f"{name} takes no arguments", 0)
        return Value(f"CAST({name}(){over.window} AS {kind.duckdb})", kind)

    return _ordered(compile_, name)


def ntile(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
    """ntile(n)."""
    del compiler
    if len(values) != 1 or not isinstance(values[0].constant, int) or values[0].constant < 1:
        raise MismatchError("ntile takes a positive number that is written out", 0)
    return Value(f"CAST(ntile({values[0].constant}){over.window} AS BIGINT)", BIGINT)


def _neighbour(name: str, nulls: str) -> Compile:
    def compile_(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
        """Lag and lead(value[, rows])."""
        del compiler
        if not 1 <= len(values) <= 2:  # noqa: PLR2004
            raise MismatchError(f"{name} takes a value and a number of rows")
        rows = values[1].constant if len(values) > 1 else 1
        if not isinstance(rows, int) or rows < 0:
            raise unsupported(f"Redshift's {name}() by a number of rows that is no literal")
        sql = f"{name}({values[0].sql}, {rows}{nulls}){over.window}"
        return Value(sql, values[0].type)

    return _ordered(compile_, name)


def _edge(name: str, nulls: str) -> Compile:
    def compile_(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
        """first_value, last_value and nth_value."""
        del compiler
        if len(values) != (2 if name == "nth_value" else 1):
            raise MismatchError("")
        if "ORDER BY" in over.window and not any(one in over.window for one in FRAMES):
            text = "Aggregate window functions with an ORDER BY clause require a frame clause"
            raise RedshiftError("42601", text)
        rest = ""
        if name == "nth_value":
            if not isinstance(values[1].constant, int) or values[1].constant < 1:
                raise unsupported("Redshift's nth_value() of a row that is no literal")
            rest = f", {values[1].constant}"
        return Value(f"{name}({values[0].sql}{rest}{nulls}){over.window}", values[0].type)

    return compile_


def ratio_to_report(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
    """ratio_to_report(value) OVER ([PARTITION BY ...])."""
    value = _one(compiler, values, "number")
    if "ORDER BY" in over.window:
        raise RedshiftError("42601", "ratio_to_report() takes PARTITION BY alone in its OVER")
    inner = f"CAST({value.sql} AS DOUBLE)"
    return Value(f"({inner} / nullif(sum({inner}){over.window}, 0))", DOUBLE)


def _named() -> Mapping[str, Aggregate]:
    found = {
        "count": Aggregate(_framed(count)),
        "sum": Aggregate(_framed(sum_)),
        "avg": Aggregate(_framed(avg)),
        "min": Aggregate(_framed(_extreme("min"))),
        "max": Aggregate(_framed(_extreme("max"))),
        "median": Aggregate(median),
        "bool_and": Aggregate(_truth("bool_and"), allows_window=False),
        "bool_or": Aggregate(_truth("bool_or"), allows_window=False),
        "bit_and": Aggregate(_bits("bit_and"), allows_window=False),
        "bit_or": Aggregate(_bits("bit_or"), allows_window=False),
        "any_value": Aggregate(any_value, allows_window=False),
        "listagg": Aggregate(_listagg, allows_distinct=True),
        "percentile_cont": Aggregate(_needs_group),
        "percentile_disc": Aggregate(_needs_group),
        "ratio_to_report": Aggregate(ratio_to_report, allows_distinct=False, needs_window=True),
        "ntile": Aggregate(_ordered(ntile, "ntile"), allows_distinct=False, needs_window=True),
    }
    for names, name in (
        ("stddev stddev_samp", "stddev_samp"),
        ("stddev_pop", "stddev_pop"),
        ("variance var_samp", "var_samp"),
        ("var_pop", "var_pop"),
    ):
        found |= {one: Aggregate(_framed(_spread(name))) for one in names.split()}
    for name in ("row_number", "rank", "dense_rank"):
        found[name] = Aggregate(_rank(name, BIGINT), allows_distinct=False, needs_window=True)
    for name in ("percent_rank", "cume_dist"):
        found[name] = Aggregate(_rank(name, DOUBLE), allows_distinct=False, needs_window=True)
    for suffix, nulls in (("", ""), (" ignore nulls", " IGNORE NULLS")):
        for name in ("lag", "lead"):
            one = _neighbour(name, nulls)
            found[name + suffix] = Aggregate(one, allows_distinct=False, needs_window=True)
        for name in ("first_value", "last_value", "nth_value"):
            one = _edge(name, nulls)
            found[name + suffix] = Aggregate(one, allows_distinct=False, needs_window=True)
    return found


def _listagg(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
    """Listagg without WITHIN GROUP: the texts come in no promised order."""
    if not 1 <= len(values) <= 2:  # noqa: PLR2004
        raise MismatchError("it takes a text and a separator")
    texts = [compiler.dialect.kinds.fit(one, "string") for one in values]
    text, separator = texts[0], texts[1].sql if len(texts) > 1 and texts[1] else "''"
    if text is None:
        raise MismatchError("a text is expected", 0)
    return Value(f"string_agg({over.distinct}{text.sql}, {separator}){over.window}", text.type)


def _needs_group(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
    del compiler, values, over
    raise RedshiftError("42883", "WITHIN GROUP (ORDER BY ...) is required here")


AGGREGATES = _named()
