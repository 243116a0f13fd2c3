# ruff: noqa: ARG001, D402, E501 - the signature of a Special, and a call as its summary; a signature a line
"""Date functions, after "Date Functions"; the time zone is UTC, as on Amazon EMR."""

from collections.abc import Sequence

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import BIGINT, DATE, STRING, TIMESTAMP
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.functions import (
    MismatchError,
    Special,
    filled,
    merged,
    specials,
    table,
)
from labrunner.localcloud.sql.hive import datepatterns
from labrunner.localcloud.sql.hive.conversions import cast
from labrunner.localcloud.sql.values import Value

# A text is a date by its first ten characters, and a time as CAST reads it.
TABLE = r"""
to_date (date) -> date: {0}
year (date) -> int: CAST(year({0}) AS INTEGER)
quarter (date) -> int: CAST(quarter({0}) AS INTEGER)
month (date) -> int: CAST(month({0}) AS INTEGER)
day dayofmonth (date) -> int: CAST(day({0}) AS INTEGER)
dayofweek (date) -> int: CAST(dayofweek({0}) + 1 AS INTEGER)
weekofyear (date) -> int: CAST(weekofyear({0}) AS INTEGER)
hour (timestamp) -> int: CAST(hour({0}) AS INTEGER)
minute (timestamp) -> int: CAST(minute({0}) AS INTEGER)
second (timestamp) -> int: CAST(second({0}) AS INTEGER)
datediff (date, date) -> int: CAST({0} - {1} AS INTEGER)
date_add (date, int) -> date: {0} + {1}
date_sub (date, int) -> date: {0} - {1}
add_months (date, int) -> string: CAST(hive_add_months_({0}, {1}) AS VARCHAR)
last_day (date) -> string: CAST(last_day({0}) AS VARCHAR)
months_between (timestamp, timestamp) -> double: hive_months_({0}, {1}, true)
months_between (timestamp, timestamp, boolean) -> double: hive_months_({0}, {1}, {2})
"""
STABLE = r"""
current_date () -> date: current_date
current_timestamp () -> timestamp: CAST(current_timestamp AS TIMESTAMP)
unix_timestamp () -> bigint: CAST(epoch_us(CAST(current_timestamp AS TIMESTAMP)) // 1000000 AS BIGINT)
"""
DEFAULT = "yyyy-MM-dd HH:mm:ss"
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
NAMES = {
    "MO": ("MON", "MONDAY"),
    "TU": ("TUE", "TUESDAY"),
    "WE": ("WED", "WEDNESDAY"),
    "TH": ("THU", "THURSDAY"),
    "FR": ("FRI", "FRIDAY"),
    "SA": ("SAT", "SATURDAY"),
    "SU": ("SUN", "SUNDAY"),
}
UNITS = {
    "month": ("MONTH", "MON", "MM"),
    "year": ("YEAR", "YYYY", "YY"),
    "quarter": ("QUARTER", "Q"),
}


def _format(values: Sequence[Value], index: int, name: str) -> str:
    if not isinstance(values[index].constant, str):
        raise unsupported(f"Hive's {name}() with a format that is not a literal")
    return str(values[index].constant)


def from_unixtime(compiler: Compiler, values: Sequence[Value]) -> Value:
    """from_unixtime(seconds[, format])."""
    if len(values) not in (1, 2):
        raise MismatchError("")
    seconds = compiler.dialect.kinds.fit(values[0], "bigint")
    if seconds is None:
        raise MismatchError("The function from_unixtime takes only int/long types", 0)
    pattern = _format(values, 1, "from_unixtime") if len(values) > 1 else DEFAULT
    moment = filled("make_timestamp({0} * 1000000)", [seconds], TIMESTAMP)
    return filled(_nullable(datepatterns.written(pattern)), [moment], STRING)


def _nullable(template: str) -> str:
    """Return a template that is NULL where {0} is, even if it has no hole of its own."""
    return template if "{0}" in template else f"CASE WHEN {{0}} IS NOT NULL THEN {template} END"


def unix_timestamp(compiler: Compiler, values: Sequence[Value]) -> Value:
    """unix_timestamp(): now; unix_timestamp(text[, format]): NULL where the text does not fit."""
    if not values:
        function = NOW["unix_timestamp"]
        return function.call(compiler, values)
    if len(values) > 2:  # noqa: PLR2004
        raise MismatchError("")
    if values[0].type.is_time:
        moment = cast(values[0], TIMESTAMP)
        assert moment is not None
        return filled("CAST(floor(epoch_us({0}) / 1000000.0) AS BIGINT)", [moment], BIGINT)
    text = compiler.dialect.kinds.fit(values[0], "text")
    if text is None:
        raise MismatchError("The function unix_timestamp takes only string/date/timestamp types", 0)
    pattern = _format(values, 1, "unix_timestamp") if len(values) > 1 else DEFAULT
    reader = datepatterns.read(pattern)
    fields = quoting.texts(list(reader.fields))
    struct = f"regexp_extract({{0}}, {{1}}, {fields})"
    sql = f"list_transform([{struct}], lambda p: CAST(epoch_us({reader.time}) // 1000000 AS BIGINT))[1]"
    regex = Value(quoting.text(reader.regex), STRING, reader.regex)
    return filled(sql, [text, regex], BIGINT)


def date_format(compiler: Compiler, values: Sequence[Value]) -> Value:
    """date_format(time, format)."""
    if len(values) != 2:  # noqa: PLR2004
        raise MismatchError("")
    moment = _moment(values[0])
    pattern = _format(values, 1, "date_format")
    return filled(_nullable(datepatterns.written(pattern)), [moment], STRING)


def _moment(value: Value) -> Value:
    found = cast(value, TIMESTAMP) if value.type.is_text or value.type.is_time else None
    if value.type.name == "void":
        found = cast(value, TIMESTAMP)
    if found is None:
        raise MismatchError(
            f"a date, a timestamp or a string is expected but {value.type} is found", 0
        )
    return found


def trunc(compiler: Compiler, values: Sequence[Value]) -> Value:
    """trunc(date, unit): the first day of the month, quarter or year, as a text."""
    if len(values) != 2:  # noqa: PLR2004
        raise MismatchError("")
    if values[0].type.is_number:
        raise unsupported("Hive's trunc() of a number")
    day = cast(_moment(values[0]), DATE)
    assert day is not None
    unit = _format(values, 1, "trunc").upper()
    found = next((name for name, words in UNITS.items() if unit in words), None)
    if found is None:
        return filled("CASE WHEN {0} IS NULL THEN NULL END", [cast_text(day)], STRING)
    return filled(f"CAST(CAST(date_trunc('{found}', {{0}}) AS DATE) AS VARCHAR)", [day], STRING)


def cast_text(value: Value) -> Value:
    """Return a date as a text."""
    found = cast(value, STRING)
    assert found is not None
    return found


def next_day(compiler: Compiler, values: Sequence[Value]) -> Value:
    """next_day(date, weekday): the next day of this name after the date."""
    if len(values) != 2:  # noqa: PLR2004
        raise MismatchError("")
    day = cast(_moment(values[0]), DATE)
    assert day is not None
    wanted = _format(values, 1, "next_day").upper()
    found = next((one for one in DAYS if wanted == one or wanted in NAMES[one]), None)
    if found is None:
        return Value("CAST(NULL AS VARCHAR)", STRING)
    number = DAYS.index(found) + 1
    sql = f"CAST({{0}} + CAST(({number} - isodow({{0}}) + 6) % 7 + 1 AS INTEGER) AS VARCHAR)"
    return filled(sql, [day], STRING)


def _shift(way: str) -> Special:
    def compile_(compiler: Compiler, values: Sequence[Value]) -> Value:
        """from_utc_timestamp and to_utc_timestamp of a zone of the tz database."""
        if len(values) != 2:  # noqa: PLR2004
            raise MismatchError("")
        moment, zone = _moment(values[0]), _format(values, 1, f"{way}_utc_timestamp")
        if zone.upper() not in ("UTC", "GMT", "Z"):
            raise unsupported(f"Hive's {way}_utc_timestamp() with the zone '{zone}'")
        return moment

    return compile_


NOW = table(STABLE)
FUNCTIONS = merged(
    (
        table(TABLE),
        {name: one for name, one in NOW.items() if name != "unix_timestamp"},
        specials(
            from_unixtime=from_unixtime,
            unix_timestamp=unix_timestamp,
            to_unix_timestamp=unix_timestamp,
            date_format=date_format,
            trunc=trunc,
            next_day=next_day,
            from_utc_timestamp=_shift("from"),
            to_utc_timestamp=_shift("to"),
        ),
    )
)
