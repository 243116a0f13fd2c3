# ruff: noqa: E501 - a condition a line
"""Conversions that DuckDB makes otherwise than Redshift, as macros of DuckDB; all end in `_`."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

# A macro comes after those that it uses. What `rs_fail_` raises, the warehouse reads again.
MACROS = r"""
rs_fail_(state, why): error('RS:' || state || ':' || why)
rs_whole_(s, name): CASE WHEN s IS NULL THEN NULL
    WHEN NOT regexp_full_match(trim(s, ' '), '[+-]?[0-9]+')
    THEN rs_fail_('22P02', 'invalid input syntax for integer: "' || s || '"')
    WHEN name = 'smallint' AND coalesce(TRY_CAST(trim(s, ' ') AS SMALLINT) IS NOT NULL, false) THEN TRY_CAST(trim(s, ' ') AS BIGINT)
    WHEN name = 'integer' AND coalesce(TRY_CAST(trim(s, ' ') AS INTEGER) IS NOT NULL, false) THEN TRY_CAST(trim(s, ' ') AS BIGINT)
    WHEN name = 'bigint' AND coalesce(TRY_CAST(trim(s, ' ') AS BIGINT) IS NOT NULL, false) THEN TRY_CAST(trim(s, ' ') AS BIGINT)
    ELSE rs_fail_('22003', 'value "' || s || '" is out of range for type ' || name) END
rs_real_(s): CASE WHEN s IS NULL THEN NULL
    WHEN regexp_full_match(trim(s, ' '), '[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?') THEN TRY_CAST(trim(s, ' ') AS DOUBLE)
    WHEN lower(trim(s, ' ')) IN ('nan', 'infinity', '-infinity') THEN TRY_CAST(lower(trim(s, ' ')) AS DOUBLE)
    ELSE rs_fail_('22P02', 'invalid input syntax for type double precision: "' || s || '"') END
rs_exact_(s): CASE WHEN s IS NULL THEN NULL
    WHEN regexp_full_match(trim(s, ' '), '[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?') THEN trim(s, ' ')
    ELSE rs_fail_('22P02', 'invalid input syntax for type numeric: "' || s || '"') END
rs_truth_(s): CASE WHEN s IS NULL THEN NULL
    WHEN lower(trim(s, ' ')) IN ('t', 'true', 'y', 'yes', '1') THEN true
    WHEN lower(trim(s, ' ')) IN ('f', 'false', 'n', 'no', '0') THEN false
    ELSE rs_fail_('22P02', 'invalid input syntax for type boolean: "' || s || '"') END
rs_cut_(s, n): CASE WHEN strlen(s) <= n THEN s WHEN strlen(s) = length(s) THEN left(s, n) ELSE rs_cut(s, n) END
rs_varchar_(s, n): CASE WHEN s IS NULL OR strlen(s) <= n THEN s WHEN strlen(rtrim(s, ' ')) <= n THEN left(s, n - strlen(s) + length(s))
    ELSE rs_fail_('22001', 'value too long for type character varying(' || n || ')') END
rs_char_(s, n): CASE WHEN s IS NULL THEN s
    WHEN strlen(s) <> length(s) THEN rs_fail_('22021', 'CHAR string contains invalid ASCII character')
    WHEN length(rtrim(s, ' ')) <= n THEN rtrim(s, ' ')
    ELSE rs_fail_('22001', 'value too long for type character(' || n || ')') END
rs_moment_text_(t): strftime(t, '%Y-%m-%d %H:%M:%S') || CASE WHEN microsecond(t) % 1000000 = 0
    THEN '' ELSE '.' || rtrim(lpad(CAST(microsecond(t) % 1000000 AS VARCHAR), 6, '0'), '0') END
rs_time_text_(t): CAST(t AS VARCHAR)
rs_quotient_(a, b, shift): CASE WHEN a IS NULL OR b IS NULL THEN NULL
    WHEN b = 0 THEN rs_fail_('22012', 'division by zero')
    WHEN shift >= 0 THEN (a * CAST('1' || repeat('0', shift) AS HUGEINT)) // b
    ELSE a // (b * CAST('1' || repeat('0', -shift) AS HUGEINT)) END
rs_power_(a, b): CASE WHEN a < 0 AND b <> trunc(b) THEN rs_fail_('2201F', 'a negative number raised to a non-integer power yields a complex result')
    WHEN a = 0 AND b < 0 THEN rs_fail_('2201F', 'zero raised to a negative power is undefined')
    WHEN isinf(pow(a, b)) THEN rs_fail_('22003', 'result is out of range') ELSE pow(a, b) END
rs_sqrt_(a): CASE WHEN a < 0 THEN rs_fail_('2201F', 'cannot take square root of a negative number') ELSE sqrt(a) END
rs_ln_(a): CASE WHEN a = 0 THEN rs_fail_('2201E', 'cannot take logarithm of zero')
    WHEN a < 0 THEN rs_fail_('2201E', 'cannot take logarithm of a negative number') ELSE ln(a) END
rs_substring_(s, p, n): CASE WHEN s IS NULL OR p IS NULL OR n IS NULL THEN NULL
    WHEN n < 0 THEN rs_fail_('22011', 'negative substring length not allowed')
    WHEN p + n <= 1 THEN '' ELSE substring(s, greatest(p, 1)::BIGINT, (n + least(p, 1) - 1)::BIGINT) END
rs_left_(s, n): CASE WHEN n >= 0 THEN left(s, n) WHEN n < 0 THEN left(s, greatest(length(s) + n, 0)) END
rs_part_(s, d, n): CASE WHEN s IS NULL OR d IS NULL OR n IS NULL THEN NULL
    WHEN n <= 0 THEN rs_fail_('22023', 'field position must be greater than zero')
    WHEN d = '' THEN CASE WHEN n = 1 THEN s ELSE '' END
    ELSE coalesce(list_extract(string_split(s, d), n), '') END
rs_position_(s, t): CASE WHEN t = '' THEN 1 ELSE strpos(s, t) END
rs_pad_(s, n, fill, at_left): CASE WHEN s IS NULL OR n IS NULL OR fill IS NULL THEN NULL
    WHEN n <= 0 THEN '' WHEN fill = '' THEN left(s, n)
    WHEN at_left THEN lpad(s, n::INTEGER, fill) ELSE rpad(s, n::INTEGER, fill) END
rs_leap_(y): (y % 4 = 0 AND y % 100 <> 0) OR y % 400 = 0
rs_add_years_(t, n): CASE WHEN month(t) = 2 AND day(t) = 29 AND NOT rs_leap_(year(t) + n)
    THEN t + to_months(n * 12) + to_days(1) ELSE t + to_months(n * 12) END
rs_add_months_(t, n): CASE WHEN CAST(t AS DATE) = last_day(t)
    THEN CAST(last_day(CAST(t AS DATE) + to_months(n)) AS TIMESTAMP) + (t - CAST(CAST(t AS DATE) AS TIMESTAMP))
    ELSE t + to_months(n) END
rs_weeks_(a, b): CASE WHEN date_diff('week', a, b) = date_diff('week', a + to_days(1), b + to_days(1))
    THEN date_diff('week', a, b)
    ELSE rs_fail_('0A000', 'DATEDIFF(week) of days whose difference depends on the first day of the week is not supported by the local engine') END
rs_months_(a, b): CASE
    WHEN day(a) = day(b) OR (last_day(a) = CAST(a AS DATE) AND last_day(b) = CAST(b AS DATE))
    THEN CAST((year(a) - year(b)) * 12 + month(a) - month(b) AS DOUBLE)
    ELSE (year(a) - year(b)) * 12 + month(a) - month(b)
    + (epoch_us(a) - epoch_us(date_trunc('month', a)) - epoch_us(b)
    + epoch_us(date_trunc('month', b))) / 1000000.0::DOUBLE / 2678400.0::DOUBLE END
rs_floor_weeks_(t): CAST(date_trunc('week', t) AS TIMESTAMP)
rs_date_(s): CASE WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}') AND TRY_CAST(s AS DATE) IS NOT NULL
    THEN TRY_CAST(s AS DATE) ELSE rs_date(s) END
rs_moment_(s, zoned): CASE WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?') AND TRY_CAST(s AS TIMESTAMP) IS NOT NULL
    THEN TRY_CAST(s AS TIMESTAMP) ELSE rs_moment(s, zoned) END
rs_type_word_(t): CASE split_part(t, ' ', 1) WHEN 'boolean' THEN 'boolean' WHEN 'smallint' THEN 'smallint' WHEN 'int' THEN 'integer' WHEN 'bigint' THEN 'bigint' WHEN 'float' THEN 'real' WHEN 'double' THEN 'double precision' WHEN 'date' THEN 'date' WHEN 'timestamp' THEN 'timestamp without time zone' WHEN 'timestamptz' THEN 'timestamp with time zone' WHEN 'time' THEN 'time without time zone' WHEN 'string' THEN 'character varying' WHEN 'varchar' THEN 'character varying' WHEN 'char' THEN 'character' WHEN 'decimal' THEN 'numeric' END
rs_type_short_(t): CASE split_part(t, ' ', 1) WHEN 'boolean' THEN 'bool' WHEN 'smallint' THEN 'int2' WHEN 'int' THEN 'int4' WHEN 'bigint' THEN 'int8' WHEN 'float' THEN 'float4' WHEN 'double' THEN 'float8' WHEN 'date' THEN 'date' WHEN 'timestamp' THEN 'timestamp' WHEN 'timestamptz' THEN 'timestamptz' WHEN 'time' THEN 'time' WHEN 'string' THEN 'varchar' WHEN 'varchar' THEN 'varchar' WHEN 'char' THEN 'bpchar' WHEN 'decimal' THEN 'numeric' END
rs_type_name_(t): rs_type_word_(t) || CASE WHEN contains(t, ' ') THEN '(' || replace(substring(t, strpos(t, ' ') + 1), ' ', ',') || ')' ELSE '' END
rs_type_length_(t): CASE WHEN split_part(t, ' ', 1) IN ('varchar', 'char') THEN TRY_CAST(split_part(t, ' ', 2) AS INTEGER) END
rs_type_precision_(t): CASE split_part(t, ' ', 1) WHEN 'smallint' THEN 16 WHEN 'int' THEN 32 WHEN 'bigint' THEN 64 WHEN 'float' THEN 24 WHEN 'double' THEN 53 WHEN 'decimal' THEN TRY_CAST(split_part(t, ' ', 2) AS INTEGER) END
rs_type_scale_(t): CASE split_part(t, ' ', 1) WHEN 'smallint' THEN 0 WHEN 'int' THEN 0 WHEN 'bigint' THEN 0 WHEN 'decimal' THEN TRY_CAST(split_part(t, ' ', 3) AS INTEGER) END
rs_type_oid_(t): CASE split_part(t, ' ', 1) WHEN 'boolean' THEN 16 WHEN 'smallint' THEN 21 WHEN 'int' THEN 23 WHEN 'bigint' THEN 20 WHEN 'float' THEN 700 WHEN 'double' THEN 701 WHEN 'date' THEN 1082 WHEN 'timestamp' THEN 1114 WHEN 'timestamptz' THEN 1184 WHEN 'time' THEN 1083 WHEN 'string' THEN 1043 WHEN 'varchar' THEN 1043 WHEN 'char' THEN 1042 WHEN 'decimal' THEN 1700 END
rs_type_mod_(t): CASE WHEN split_part(t, ' ', 1) IN ('varchar', 'char') THEN TRY_CAST(split_part(t, ' ', 2) AS INTEGER) + 4 WHEN split_part(t, ' ', 1) = 'decimal' THEN TRY_CAST(split_part(t, ' ', 2) AS INTEGER) * 65536 + TRY_CAST(split_part(t, ' ', 3) AS INTEGER) + 4 ELSE -1 END
rs_format_type_(o, m): CASE CAST(o AS INTEGER) WHEN 16 THEN 'boolean' WHEN 21 THEN 'smallint' WHEN 23 THEN 'integer' WHEN 20 THEN 'bigint' WHEN 700 THEN 'real' WHEN 701 THEN 'double precision' WHEN 1082 THEN 'date' WHEN 1114 THEN 'timestamp without time zone' WHEN 1184 THEN 'timestamp with time zone' WHEN 1083 THEN 'time without time zone' WHEN 1186 THEN 'interval' WHEN 705 THEN 'unknown' WHEN 1043 THEN 'character varying' WHEN 1042 THEN 'character' WHEN 1700 THEN 'numeric' ELSE '???' END || CASE WHEN m > 4 AND o IN (1042, 1043) THEN '(' || (m - 4) || ')' WHEN m > 4 AND o = 1700 THEN '(' || ((m - 4) // 65536) || ',' || ((m - 4) % 65536) || ')' ELSE '' END
"""


def install(connection: "duckdb.DuckDBPyConnection") -> None:
    """Create the macros, and the functions of Python that they use."""
    from labrunner.localcloud.sql.redshift import udfs

    udfs.install(connection)
    for line in re.split(r"\n(?=rs_)", MACROS.strip()):
        head, _, body = line.partition(": ")
        connection.execute(f"CREATE MACRO {head} AS ({body})")
