# ruff: noqa: ARG001, D402 - the signature of a Special, and a call as its summary
"""Aggregates and window functions, after "Built-in Aggregate Functions" and "Windowing"."""

from collections.abc import Callable, Mapping, Sequence

from labrunner.localcloud.sql.compiler import Aggregate, Compiler, Over
from labrunner.localcloud.sql.datatypes import (
    BIGINT,
    DOUBLE,
    INT,
    MAX_PRECISION,
    VOID,
    Type,
    array,
    decimal,
)
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.functions import MismatchError
from labrunner.localcloud.sql.hive.conversions import cast, common, implicit
from labrunner.localcloud.sql.values import Value

Compile = Callable[[Compiler, Sequence[Value], Over], Value]
SINGLE = "one value has no {} that all versions of Hive agree on"


def _one(values: Sequence[Value], name: str) -> Value:
    if len(values) != 1 or values[0].sql == "*":
        raise MismatchError(f"Exactly one argument is expected for {name}")
    return values[0]


def _number(value: Value, name: str) -> Value:
    if value.type.is_text or value.type == VOID:
        found = cast(value, DOUBLE)
        assert found is not None
        return found
    if not value.type.is_number:
        raise MismatchError(f"Only numeric or string type arguments are accepted by {name}", 0)
    return value


def count(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
    """count(*), count(value, ...), count(DISTINCT value, ...): rows without a NULL."""
    if not values:
        raise MismatchError("Argument expected")
    if values[0].sql == "*":
        if over.distinct:
            raise unsupported("Hive's count(DISTINCT *)")
        return Value(f"count(*){over.window}", BIGINT)
    if len(values) > 1 and not over.distinct:
        raise MismatchError("DISTINCT keyword must be specified")
    if len(values) == 1:
        return Value(f"count({over.distinct}{values[0].sql}){over.window}", BIGINT)
    known = " AND ".join(f"{one.sql} IS NOT NULL" for one in values)
    row = ", ".join(one.sql for one in values)
    sql = f"count(DISTINCT CASE WHEN {known} THEN row({row}) END){over.window}"
    return Value(sql, BIGINT)


def sum_(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
    """sum: BIGINT of integers, ten more digits of a decimal, else DOUBLE."""
    value = _number(_one(values, "sum"), "sum")
    if value.type.is_integer:
        kind = BIGINT
    elif value.type.name == "decimal":
        kind = decimal(min(MAX_PRECISION, value.type.precision + 10), value.type.scale)
    else:
        kind = DOUBLE
    inner = value.sql if kind != DOUBLE else f"CAST({value.sql} AS DOUBLE)"
    return Value(f"CAST(sum({over.distinct}{inner}){over.window} AS {kind.duckdb})", kind)


def avg(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
    """avg: DOUBLE; of a decimal four more digits after the point."""
    value = _number(_one(values, "avg"), "avg")
    if value.type.name != "decimal":
        inner = f"{over.distinct}CAST({value.sql} AS DOUBLE)"
        total, number = f"sum({inner}){over.window}", f"count({inner}){over.window}"
        return Value(f"({total} / nullif({number}, 0)::DOUBLE)", DOUBLE)
    whole = value.type.precision - value.type.scale
    scale = min(value.type.scale + 4, MAX_PRECISION - whole)
    kind = decimal(whole + scale, scale)
    total = f"CAST(sum({over.distinct}{value.sql}){over.window} AS VARCHAR)"
    number = f"CAST(count({over.distinct}{value.sql}){over.window} AS VARCHAR)"
    sql = f"TRY_CAST(java_divide({total}, {number}, {scale}) AS {kind.duckdb})"
    return Value(sql, kind)


def _extreme(name: str) -> Compile:
    def compile_(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
        """Min and max of anything that is not made of other types."""
        value = _one(values, name)
        if not value.type.is_simple:
            raise unsupported(f"Hive's {name}() of {value.type}")
        return Value(f"{name}({over.distinct}{value.sql}){over.window}", value.type)

    return compile_


def _spread(name: str, *, sample: bool) -> Compile:
    def compile_(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
        """Variance and standard deviation."""
        value = _number(_one(values, name), name)
        inner = f"CAST({value.sql} AS DOUBLE)"
        sql = f"{name}({inner}){over.window}"
        if sample:
            why = SINGLE.format(name)
            number = f"count({inner}){over.window}"
            sql = f"CASE WHEN {number} = 1 THEN error('{why}')::DOUBLE ELSE {sql} END"
        return Value(sql, DOUBLE)

    return compile_


def _pair(name: str, *, sample: bool = False) -> Compile:
    def compile_(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
        """Covariance and correlation of rows in which both are known."""
        if len(values) != 2:  # noqa: PLR2004
            raise MismatchError(f"Exactly two arguments are expected for {name}")
        a, b = (f"CAST({_number(one, name).sql} AS DOUBLE)" for one in values)
        sql = f"{name}({a}, {b}){over.window}"
        if sample:
            why = SINGLE.format(name)
            number = f"count({a} + {b}){over.window}"
            sql = f"CASE WHEN {number} = 1 THEN error('{why}')::DOUBLE ELSE {sql} END"
        return Value(sql, DOUBLE)

    return compile_


def percentile(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
    """percentile(integer, p or array(p, ...)): exact, between two values linear."""
    if len(values) != 2 or not values[0].type.is_integer:  # noqa: PLR2004
        raise MismatchError("percentile takes an integer and a constant between 0 and 1", 0)
    listed = f"list({values[0].sql} ORDER BY {values[0].sql}) FILTER ({values[0].sql} IS NOT NULL)"
    if over.window:
        raise unsupported("Hive's percentile() over a window")
    places = values[1]
    if places.type.name == "array" and places.type.args[0].is_number:
        inner = f"CAST({places.sql} AS DOUBLE[])"
        # An aggregate may not stand in a lambda: its list is bound first.
        sql = (
            f"list_transform([{listed}], lambda l: "
            f"list_transform({inner}, lambda p: hive_percentile_(l, p)))[1]"
        )
        return Value(sql, array(DOUBLE))
    place = cast(places, DOUBLE) if places.type.is_number else None
    if place is None:
        raise MismatchError("percentile takes an integer and a constant between 0 and 1", 1)
    sql = f"list_transform([{listed}], lambda l: hive_percentile_(l, {place.sql}))[1]"
    return Value(sql, DOUBLE)


def collect_list(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
    """collect_list: every value that is not NULL; empty where there is none."""
    value = _one(values, "collect_list")
    sql = f"list({over.distinct}{value.sql}) FILTER ({value.sql} IS NOT NULL){over.window}"
    return Value(f"coalesce({sql}, [])", array(value.type))


def collect_set(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
    """collect_set: each different value once; Hive promises no order, here it is the values'."""
    value = _one(values, "collect_set")
    if not value.type.is_simple:
        raise unsupported(f"Hive's collect_set() of {value.type}")
    if over.window:
        raise unsupported("Hive's collect_set() over a window")
    sql = f"list(DISTINCT {value.sql} ORDER BY {value.sql}) FILTER ({value.sql} IS NOT NULL)"
    return Value(f"coalesce({sql}, [])", array(value.type))


# ---- over windows only


def _rank(name: str, kind: Type) -> Compile:
    def compile_(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
        if values:
            raise MismatchError(f"{name} takes no arguments", 0)
        return Value(f"CAST({name}(){over.window} AS {kind.duckdb})", kind)

    return compile_


def ntile(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
    """ntile(n)."""
    if len(values) != 1 or not isinstance(values[0].constant, int):
        raise MismatchError("ntile takes a constant number", 0)
    return Value(f"CAST(ntile({values[0].sql}){over.window} AS INTEGER)", INT)


def _neighbour(name: str) -> Compile:
    def compile_(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
        """Lag and lead(value[, rows[, default]])."""
        if not 1 <= len(values) <= 3:  # noqa: PLR2004
            raise MismatchError(f"Incorrect invocation of {name}: 1 to 3 arguments are expected")
        value, kind = values[0], values[0].type
        rows = values[1] if len(values) > 1 else Value("1", INT, 1)
        if not isinstance(rows.constant, int) or rows.constant < 0:
            raise MismatchError(f"{name} amount must be an integer value 0 or more", 1)
        default = "NULL"
        if len(values) > 2:  # noqa: PLR2004
            kind = common([kind, values[2].type]) or kind
            fitted = implicit(values[2], kind)
            own = implicit(value, kind)
            if fitted is None or own is None:
                raise MismatchError(f"{name}: the default has another type", 2)
            value, default = own, fitted.sql
        sql = f"{name}({value.sql}, {rows.constant}, {default}){over.window}"
        return Value(sql, kind)

    return compile_


def _edge(name: str) -> Compile:
    def compile_(compiler: Compiler, values: Sequence[Value], over: Over) -> Value:
        """first_value and last_value(value[, whether NULLs are skipped])."""
        if len(values) not in (1, 2):
            raise MismatchError(f"{name} takes one or two arguments")
        skips = ""
        if len(values) > 1:
            if not isinstance(values[1].constant, bool):
                raise MismatchError(f"the second argument of {name} must be a constant boolean", 1)
            skips = " IGNORE NULLS" if values[1].constant else ""
        return Value(f"{name}({values[0].sql}{skips}){over.window}", values[0].type)

    return compile_


def _named() -> Mapping[str, Aggregate]:
    found = {
        "count": Aggregate(count),
        "sum": Aggregate(sum_),
        "avg": Aggregate(avg),
        "min": Aggregate(_extreme("min")),
        "max": Aggregate(_extreme("max")),
        "percentile": Aggregate(percentile, allows_distinct=False),
        "collect_list": Aggregate(collect_list),
        "collect_set": Aggregate(collect_set),
        "corr": Aggregate(_pair("corr"), allows_distinct=False),
        "covar_pop": Aggregate(_pair("covar_pop"), allows_distinct=False),
        "covar_samp": Aggregate(_pair("covar_samp", sample=True), allows_distinct=False),
        "ntile": Aggregate(ntile, allows_distinct=False, needs_window=True),
    }
    for names, name in (("variance var_pop", "var_pop"), ("std stddev stddev_pop", "stddev_pop")):
        found |= {
            one: Aggregate(_spread(name, sample=False), allows_distinct=False)
            for one in names.split()
        }
    for name in ("var_samp", "stddev_samp"):
        found[name] = Aggregate(_spread(name, sample=True), allows_distinct=False)
    for name in ("row_number", "rank", "dense_rank"):
        found[name] = Aggregate(_rank(name, INT), allows_distinct=False, needs_window=True)
    for name in ("percent_rank", "cume_dist"):
        found[name] = Aggregate(_rank(name, DOUBLE), allows_distinct=False, needs_window=True)
    for name in ("lag", "lead"):
        found[name] = Aggregate(_neighbour(name), allows_distinct=False, needs_window=True)
    for name in ("first_value", "last_value"):
        found[name] = Aggregate(_edge(name), allows_distinct=False, needs_window=True)
    return found


AGGREGATES = _named()
