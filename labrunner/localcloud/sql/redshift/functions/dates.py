# ruff: noqa: D402, E501 - a call as its summary; a signature a line
"""Date and time functions, after "Date and time functions"; the session's zone is UTC."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import BIGINT, DATE, DOUBLE, INT, TIMESTAMP
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.functions import MismatchError, filled, merged, specials, table
from labrunner.localcloud.sql.redshift.conversions import MOMENTS, cast
from labrunner.localcloud.sql.redshift.dateparts import PARTS
from labrunner.localcloud.sql.redshift.types import INTERVAL, TIME, TIMESTAMPTZ
from labrunner.localcloud.sql.redshift.wording import RedshiftError
from labrunner.localcloud.sql.values import Value, place_of

if TYPE_CHECKING:
    from sqlglot import exp

    Node = exp.Expression
else:
    Node = Any

TABLE = r"""
add_months (timestamp, int) -> timestamp: rs_add_months_({0}, {1})
months_between (timestamp, timestamp) -> double: rs_months_({0}, {1})
last_day (date) -> date: last_day({0})
date_part_year (date) -> int: CAST(year({0}) AS INTEGER)
to_date (string, string) -> date: CAST(rs_moment_by({0}, {1}, false) AS DATE)
to_date (string, string, boolean) -> date: CAST(rs_moment_by({0}, {1}, {2}) AS DATE)
date_cmp (date, date) -> int: CASE WHEN {0} > {1} THEN 1 WHEN {0} < {1} THEN -1 WHEN {0} = {1} THEN 0 END
timestamp_cmp (timestamp, timestamp) -> int: CASE WHEN {0} > {1} THEN 1 WHEN {0} < {1} THEN -1 WHEN {0} = {1} THEN 0 END
date_cmp_timestamp timestamp_cmp_date (timestamp, timestamp) -> int: CASE WHEN {0} > {1} THEN 1 WHEN {0} < {1} THEN -1 WHEN {0} = {1} THEN 0 END
current_date () -> date: current_date
getdate () -> timestamp: date_trunc('second', CAST(current_timestamp AS TIMESTAMP))
sysdate () -> timestamp: CAST(current_timestamp AS TIMESTAMP)
"""
# What a part of a time is in DuckDB, as a whole number.
EXTRACTED = {
    "millennium": "millennium({0})",
    "century": "century({0})",
    "decade": "(year({0}) // 10 + 1)",
    "year": "year({0})",
    "quarter": "quarter({0})",
    "month": "month({0})",
    "week": "weekofyear({0})",
    "day": "day({0})",
    "dayofweek": "dayofweek({0})",
    "dayofyear": "dayofyear({0})",
    "hour": "hour({0})",
    "minute": "minute({0})",
    "second": "(second({0}))",
    "millisecond": "(microsecond({0}) % 1000000 // 1000)",
    "microsecond": "(microsecond({0}) % 1000000)",
    "epoch": "(epoch_us({0}) // 1000000)",
}
OF_TIME = ("hour", "minute", "second", "millisecond", "microsecond", "epoch")
TRUNCATED = frozenset(
    {
        *("microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month"),
        *("quarter", "year", "decade", "century", "millennium"),
    }
)
ADDED = {
    "millennium": "{0} + to_months({1} * 12000)",
    "century": "{0} + to_months({1} * 1200)",
    "decade": "{0} + to_months({1} * 120)",
    "year": "rs_add_years_({0}, {1})",
    "quarter": "{0} + to_months({1} * 3)",
    "month": "{0} + to_months({1})",
    "week": "{0} + to_days({1} * 7)",
    "day": "{0} + to_days({1})",
    "hour": "{0} + to_hours({1}::BIGINT)",
    "minute": "{0} + to_minutes({1}::BIGINT)",
    "second": "{0} + to_seconds({1}::BIGINT)",
    "millisecond": "{0} + to_milliseconds({1}::BIGINT)",
    "microsecond": "{0} + to_microseconds({1}::BIGINT)",
}
DAY_NAMES = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


def part_of(value: Value) -> str:
    """Return the part that a literal or a bare word names; raises MismatchError."""
    if not isinstance(value.constant, str):
        raise MismatchError("a date part is expected", 0)
    part = PARTS.get(value.constant.lower())
    if part is None:
        text = f'timestamp units "{value.constant.lower()}" not recognized'
        raise RedshiftError("22023", text)
    return part


def _moment(value: Value) -> Value:
    """Return a date, a time or a timestamp; raises MismatchError."""
    if value.type.name in MOMENTS or value.type == TIME:
        return value
    found = cast(value, TIMESTAMP) if value.type.is_text or value.type.name == "void" else None
    if found is None:
        raise MismatchError(f"a date or timestamp is expected but {value.type} is found", 1)
    return found


def _timestamp(value: Value) -> Value:
    moment = _moment(value)
    if moment.type == TIME:
        raise MismatchError("a date or timestamp is expected but a time is found", 1)
    return (
        moment
        if moment.type in (TIMESTAMP, TIMESTAMPTZ)
        else filled("CAST({0} AS TIMESTAMP)", [moment], TIMESTAMP)
    )


def extracted(compiler: Compiler, part: str, value: Value, node: Node) -> Value:
    """Return EXTRACT(part FROM value): a whole number."""
    if value.type == INTERVAL:
        raise unsupported("Redshift's EXTRACT from an interval", place_of(node))
    try:
        moment = _moment(value)
    except MismatchError as error:
        raise compiler.dialect.wording.wrong_arguments("date_part", error, node) from None
    _expect_part(part, moment)
    kind = BIGINT if part == "epoch" else INT
    source = moment if moment.type == TIME else _timestamp(moment)
    template = EXTRACTED[part]
    if part == "epoch" and moment.type == TIME:
        template = "(epoch_us(DATE '1970-01-01' + {0}) // 1000000)"
    return filled(f"CAST({template} AS {kind.duckdb})", [source], kind)


def _expect_part(part: str, value: Value) -> None:
    if value.type == TIME and part not in OF_TIME:
        text = f'"time" units "{part}" not recognized'
        raise RedshiftError("22023", text)


def date_part(compiler: Compiler, values: Sequence[Value]) -> Value:
    """date_part(part, time): a double; seconds with their fraction."""
    del compiler
    if len(values) != 2:  # noqa: PLR2004
        raise MismatchError("")
    part, moment = part_of(values[0]), _moment(values[1])
    _expect_part(part, moment)
    source = moment if moment.type == TIME else _timestamp(moment)
    templates = {
        "second": "(microsecond({0}) / 1000000.0::DOUBLE)",
        "millisecond": "(microsecond({0}) / 1000.0::DOUBLE)",
        "microsecond": "microsecond({0})",
        "epoch": "(epoch_us({0}) / 1000000.0::DOUBLE)",
    }
    template = templates.get(part, EXTRACTED[part])
    if part == "epoch" and moment.type == TIME:
        template = "(epoch_us(DATE '1970-01-01' + {0}) / 1000000.0::DOUBLE)"
    if part == "microsecond":
        template = EXTRACTED[part]  # the guide's example has the fraction alone
    if part == "millisecond":
        raise unsupported("Redshift's date_part() of milliseconds")
    return filled(f"CAST({template} AS DOUBLE)", [source], DOUBLE)


def date_trunc(compiler: Compiler, values: Sequence[Value]) -> Value:
    """date_trunc(part, time); weeks begin on Monday."""
    del compiler
    if len(values) != 2:  # noqa: PLR2004
        raise MismatchError("")
    part = part_of(values[0])
    if part not in TRUNCATED:
        text = f'timestamp units "{values[0].constant}" not supported'
        raise RedshiftError("0A000", text)
    moment = _timestamp(values[1])
    if part in ("century", "millennium"):
        size = 100 if part == "century" else 1000
        sql = f"make_timestamp((year({{0}}) - 1) // {size} * {size} + 1, 1, 1, 0, 0, 0)"
        return filled(sql, [moment], moment.type)
    return filled(f"CAST(date_trunc('{part}', {{0}}) AS TIMESTAMP)", [moment], moment.type)


def dateadd(compiler: Compiler, values: Sequence[Value]) -> Value:
    """dateadd(part, number, time)."""
    if len(values) != 3:  # noqa: PLR2004
        raise MismatchError("")
    part, number = part_of(values[0]), compiler.dialect.kinds.fit(values[1], "bigint")
    if number is None:
        raise MismatchError("a whole number is expected", 1)
    if part not in ADDED:
        raise RedshiftError("22023", f'timestamp units "{part}" not supported')
    moment = _moment(values[2])
    count = filled("CAST({0} AS INTEGER)", [number], INT)
    _expect_part(part, moment)
    if moment.type == TIME:
        return filled(f"CAST({ADDED[part]} AS TIME)", [moment, count], TIME)
    moment = _timestamp(moment)
    return filled(f"({ADDED[part]})", [moment, count], moment.type)


def datediff(compiler: Compiler, values: Sequence[Value]) -> Value:
    """datediff(part, from, to): how many boundaries of the part lie between."""
    del compiler
    if len(values) != 3:  # noqa: PLR2004
        raise MismatchError("")
    part = part_of(values[0])
    if part in ("epoch", "dayofweek", "dayofyear"):
        raise RedshiftError("22023", f'timestamp units "{part}" not supported')
    first, second = _moment(values[1]), _moment(values[2])
    for a, b in ((first, second), (second, first)):
        if (a.type == TIME) != (b.type == TIME) and a.type == TIME:
            raise MismatchError("a time and a date have no difference", 1)
    if first.type == TIME:
        _expect_part(part, first)
        a, b = (filled("(DATE '1970-01-01' + {0})", [one], TIMESTAMP) for one in (first, second))
    else:
        a, b = _timestamp(first), _timestamp(second)
    if part == "week":
        return filled("rs_weeks_({0}, {1})", [a, b], BIGINT)
    return filled(f"date_diff('{part}', {{0}}, {{1}})", [a, b], BIGINT)


def next_day(compiler: Compiler, values: Sequence[Value]) -> Value:
    """next_day(date, day): the first such day after a date."""
    if len(values) != 2 or not isinstance(values[1].constant, str):  # noqa: PLR2004
        raise MismatchError("a day's name is expected", 1)
    name = values[1].constant.lower()
    found = [i for i, one in enumerate(DAY_NAMES) if len(name) > 1 and one.startswith(name)]
    day = compiler.dialect.kinds.fit(values[0], "date")
    if len(found) != 1 or day is None:
        raise RedshiftError("22023", f"Day of week {values[1].constant} is not valid")
    sql = f"{{0}} + CAST(1 + (7 + {found[0]} - dayofweek({{0}}) - 1) % 7 AS INTEGER)"
    return filled(sql, [day], DATE)


def to_timestamp(compiler: Compiler, values: Sequence[Value]) -> Value:
    """to_timestamp(text, format[, is_strict]): with the zone UTC."""
    if len(values) not in (2, 3):
        raise MismatchError("")
    kinds = ("string", "string", "boolean")
    fitted = [
        compiler.dialect.kinds.fit(one, kind) for one, kind in zip(values, kinds, strict=False)
    ]
    kept = [one for one in fitted if one is not None]
    if len(kept) != len(values):
        raise MismatchError("a text is expected", 0)
    strict = "{2}" if len(kept) > 2 else "false"  # noqa: PLR2004
    return filled(f"rs_moment_by({{0}}, {{1}}, {strict})", kept, TIMESTAMPTZ)


def current_timestamp(compiler: Compiler, values: Sequence[Value]) -> Value:
    """CURRENT_TIMESTAMP, with a zone."""
    del compiler
    if values:
        raise MismatchError("")
    return Value("CAST(current_timestamp AS TIMESTAMP)", TIMESTAMPTZ)


def convert_timezone(compiler: Compiler, values: Sequence[Value]) -> Value:
    """convert_timezone([from,] to, timestamp): from UTC unless told otherwise."""
    if len(values) not in (2, 3):
        raise MismatchError("")
    zones = [compiler.dialect.kinds.fit(one, "text") for one in values[:-1]]
    moment = _timestamp(values[-1])
    kept = [one for one in zones if one is not None]
    if len(kept) != len(zones):
        raise MismatchError("a time zone is expected", 0)
    if len(kept) == 1:
        return filled("rs_shifted({1}, {0}, false)", [kept[0], moment], TIMESTAMP)
    sql = "rs_shifted(rs_shifted({2}, {0}, true), {1}, false)"
    return filled(sql, [*kept, moment], TIMESTAMP)


def timezone(compiler: Compiler, values: Sequence[Value]) -> Value:
    """timezone(zone, timestamp or timestamptz), and AT TIME ZONE."""
    if len(values) != 2:  # noqa: PLR2004
        raise MismatchError("")
    zone, moment = compiler.dialect.kinds.fit(values[0], "text"), _timestamp(values[1])
    if zone is None:
        raise MismatchError("a time zone is expected", 0)
    if moment.type == TIMESTAMPTZ:
        return filled("rs_shifted({1}, {0}, false)", [zone, moment], TIMESTAMP)
    return filled("rs_shifted({1}, {0}, true)", [zone, moment], TIMESTAMPTZ)


FUNCTIONS = merged(
    (
        table(TABLE),
        specials(
            date_part=date_part, pgdate_part=date_part, date_trunc=date_trunc, dateadd=dateadd,
            date_add=dateadd, datediff=datediff, date_diff=datediff, next_day=next_day,
            to_timestamp=to_timestamp, current_timestamp=current_timestamp,
            convert_timezone=convert_timezone, timezone=timezone,
        ),
    )
)  # fmt: skip
