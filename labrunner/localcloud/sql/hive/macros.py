# ruff: noqa: E501 - a regular expression a line
"""Conversions that DuckDB makes otherwise than Hive, as macros of DuckDB; all end in `_`."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

# A macro comes after those that it uses.
MACROS = r"""
hive_trim_(s): trim(s, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13))
hive_whole_(s): CASE WHEN regexp_full_match(s, '[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)')
    THEN TRY_CAST(coalesce(nullif(nullif(nullif(regexp_extract(s, '^[+-]?[0-9]*'), ''), '-'), '+'),
    '0') AS HUGEINT) END
hive_real_(s): CASE
    WHEN regexp_full_match(s, '[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[fFdD]?')
    THEN TRY_CAST(regexp_replace(s, '[fFdD]$', '') AS DOUBLE)
    WHEN regexp_full_match(s, '[+-]?(NaN|Infinity)') THEN TRY_CAST(s AS DOUBLE)
    WHEN regexp_matches(s, '^[+-]?0[xX]')
    THEN error('hexadecimal floating point texts are not supported by the local engine') END
hive_exact_(s): CASE WHEN regexp_full_match(s, '[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?')
    THEN s END
hive_day_(p): CASE WHEN p['y'] <> '' THEN CAST(make_date(TRY_CAST(p['y'] AS INTEGER), 1, 1)
    + to_months(TRY_CAST(p['m'] AS INTEGER) - 1) + to_days(TRY_CAST(p['d'] AS INTEGER) - 1) AS DATE) END
hive_date_(s): hive_day_(regexp_extract(s, '^\s*([0-9]{1,4})-([0-9]{1,2})-([0-9]{1,2})(?:[ T].*)?\s*$',
    ['y', 'm', 'd']))
hive_instant_(p): CASE WHEN p['y'] = '' THEN NULL
    WHEN rtrim(p['f'][7:], '0') <> ''
    THEN error('timestamps finer than a microsecond are not supported by the local engine')
    ELSE make_timestamp(TRY_CAST(p['y'] AS BIGINT), 1, 1, 0, 0, 0)
    + to_months(TRY_CAST(p['m'] AS INTEGER) - 1) + to_days(TRY_CAST(p['d'] AS INTEGER) - 1)
    + to_hours(TRY_CAST('0' || p['h'] AS INTEGER)) + to_minutes(TRY_CAST('0' || p['i'] AS INTEGER))
    + to_seconds(TRY_CAST('0' || p['s'] AS INTEGER))
    + to_microseconds(TRY_CAST(rpad(p['f'][:6], 6, '0') AS INTEGER)) END
hive_moment_(s): hive_instant_(regexp_extract(s, '^\s*([0-9]{1,4})-([0-9]{1,2})-([0-9]{1,2})(?: ([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:\.([0-9]{1,9}))?)?\s*$',
    ['y', 'm', 'd', 'h', 'i', 's', 'f']))
hive_moment_text_(t): strftime(t, '%Y-%m-%d %H:%M:%S') || CASE WHEN microsecond(t) % 1000000 = 0
    THEN '' ELSE '.' || rtrim(lpad(CAST(microsecond(t) % 1000000 AS VARCHAR), 6, '0'), '0') END
hive_real_text_(d): CASE WHEN isnan(d) THEN 'NaN' WHEN isinf(d)
    THEN CASE WHEN d > 0 THEN 'Infinity' ELSE '-Infinity' END
    WHEN d = 0 OR (abs(d) >= 0.001::DOUBLE AND abs(d) < 10000000::DOUBLE) THEN CAST(d AS VARCHAR)
    ELSE java_scientific(CAST(d AS VARCHAR)) END
hive_exact_text_(d): CASE WHEN contains(CAST(d AS VARCHAR), '.')
    THEN rtrim(rtrim(CAST(d AS VARCHAR), '0'), '.') ELSE CAST(d AS VARCHAR) END
hive_wrap_(n, bits): ((n + (1::HUGEINT << (bits - 1))) & ((1::HUGEINT << bits) - 1))
    - (1::HUGEINT << (bits - 1))
hive_cut_(d, least, most): CASE WHEN isnan(d) THEN 0::HUGEINT WHEN d >= most THEN most::HUGEINT
    WHEN d <= least THEN least::HUGEINT ELSE CAST(trunc(d) AS HUGEINT) END
hive_substr_(s, p, n): CASE WHEN s IS NULL OR p IS NULL OR n IS NULL THEN NULL
    WHEN n <= 0 OR abs(p) > length(s) THEN ''
    WHEN p > 0 THEN substring(s, p, n) WHEN p = 0 THEN substring(s, 1, n)
    ELSE substring(s, CAST(length(s) + p + 1 AS BIGINT), n) END
hive_between_(l, place, low, high): CASE WHEN low = high OR l[low + 1] = l[high + 1]
    THEN CAST(l[low + 1] AS DOUBLE)
    ELSE (high - place) * l[low + 1] + (place - low) * l[high + 1] END
hive_percentile_(l, p): CASE WHEN len(l) > 0 THEN hive_between_(l, (len(l) - 1) * p,
    CAST(floor((len(l) - 1) * p) AS BIGINT), CAST(ceil((len(l) - 1) * p) AS BIGINT)) END
hive_scaled_(d, rounds): CASE WHEN rounds THEN java_round(d, 8) ELSE d END
hive_months_(a, b, rounds): CASE
    WHEN day(a) = day(b) OR (last_day(a) = CAST(a AS DATE) AND last_day(b) = CAST(b AS DATE))
    THEN CAST((year(a) - year(b)) * 12 + month(a) - month(b) AS DOUBLE)
    ELSE hive_scaled_((year(a) - year(b)) * 12 + month(a) - month(b)
    + (epoch_us(a) - epoch_us(date_trunc('month', a)) - epoch_us(b)
    + epoch_us(date_trunc('month', b))) / 1000000.0::DOUBLE / 2678400.0::DOUBLE, rounds) END
hive_add_months_(d, n): CASE WHEN CAST(d AS DATE) = last_day(d)
    THEN last_day(CAST(d AS DATE) + to_months(n)) ELSE CAST(CAST(d AS DATE) + to_months(n) AS DATE) END
"""


def install(connection: "duckdb.DuckDBPyConnection") -> None:
    """Create the macros, and the functions of Python that they use."""
    from labrunner.localcloud.sql.hive import udfs

    udfs.install(connection)
    for line in re.split(r"\n(?=hive_)", MACROS.strip()):
        head, _, body = line.partition(": ")
        connection.execute(f"CREATE MACRO {head} AS ({body})")
