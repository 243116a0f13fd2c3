"""Hive, put together: what was proved of it, and what it is known to have besides."""

import functools
from typing import TYPE_CHECKING, Any

from labrunner.localcloud.names import names
from labrunner.localcloud.sql.compiler import Dialect, Habits
from labrunner.localcloud.sql.functions import merged
from labrunner.localcloud.sql.hive import conversions
from labrunner.localcloud.sql.hive.functions import (
    aggregates,
    dates,
    generators,
    maths,
    others,
    strings,
)
from labrunner.localcloud.sql.hive.kinds import HiveKinds
from labrunner.localcloud.sql.hive.operators import RULES
from labrunner.localcloud.sql.hive.wording import HiveWording

if TYPE_CHECKING:
    from labrunner.localcloud.sql.datatypes import Type
    from labrunner.localcloud.sql.values import Value

JOINS = {
    ("", ""): "JOIN",
    ("", "INNER"): "JOIN",
    ("", "CROSS"): "CROSS JOIN",
    ("LEFT", ""): "LEFT JOIN",
    ("LEFT", "OUTER"): "LEFT JOIN",
    ("RIGHT", ""): "RIGHT JOIN",
    ("RIGHT", "OUTER"): "RIGHT JOIN",
    ("FULL", ""): "FULL JOIN",
    ("FULL", "OUTER"): "FULL JOIN",
    ("LEFT", "SEMI"): "SEMI JOIN",
}
# Functions of Hive 3.1 that were not proved: by name not here, rather than unknown.
UNPROVED = names(
    """
    aes_decrypt aes_encrypt between bloom_filter bucket_number case char compute_stats
    context_ngrams create_union current_authorizer current_groups current_user decimal
    enforce_constraint ewah_bitmap ewah_bitmap_and ewah_bitmap_empty ewah_bitmap_or extract_union
    float floor_day floor_hour floor_minute floor_month floor_quarter floor_second floor_week
    floor_year get_llap_splits get_splits get_sql_schema grouping hash histogram_numeric in
    in_bloom_filter in_file index internal_interval interval_day_time interval_year_month
    java_method likeall likeany logged_in_user mask_hash matchpath murmur_hash ngrams noop
    noopstreaming noopwithmap noopwithmapstreaming percentile_approx reflect reflect2 regr_avgx
    regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
    replicate_rows restrict_information_schema sentences shiftrightunsigned smallint sort_array_by
    split_map_privs surrogate_key tinyint union validate_acid_sort_order varchar when
    windowingtablefunction xpath xpath_boolean xpath_double xpath_float xpath_int xpath_long
    xpath_number xpath_short xpath_string
    """
)


class HiveConversions:
    """Hive's changes of types."""

    def cast(self, value: "Value", to: "Type") -> "Value | None":
        """Return an explicit cast, None where there is none."""
        return conversions.cast(value, to)

    def common(self, types: Any) -> "Type | None":
        """Return the type of CASE, COALESCE and the like."""
        return conversions.common(types)

    def union(self, types: Any) -> "Type | None":
        """Return the type of a column of a set operation."""
        return conversions.union(types)

    def implicit(self, value: "Value", to: "Type") -> "Value | None":
        """Return a value as an element of a column of a common type."""
        return conversions.implicit(value, to)


@functools.cache
def hive() -> Dialect:
    """Return the dialect."""
    tables = (strings.FUNCTIONS, maths.FUNCTIONS, dates.FUNCTIONS, others.FUNCTIONS)
    return Dialect(
        name="Hive",
        rules=RULES,
        functions=merged(tables),
        aggregates=aggregates.AGGREGATES,
        generators=generators.GENERATORS,
        kinds=HiveKinds(),
        conversions=HiveConversions(),
        wording=HiveWording(),
        known=UNPROVED,
        habits=Habits(joins=JOINS),
    )
