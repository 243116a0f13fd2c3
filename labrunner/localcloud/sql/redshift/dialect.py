"""Redshift, put together: what was proved of it, and what it is known to have besides."""

import functools
from typing import TYPE_CHECKING, Any

from labrunner.localcloud.names import names
from labrunner.localcloud.sql.compiler import Dialect, Habits
from labrunner.localcloud.sql.functions import merged
from labrunner.localcloud.sql.redshift import types
from labrunner.localcloud.sql.redshift.conversions import RedshiftConversions, RedshiftKinds
from labrunner.localcloud.sql.redshift.functions import aggregates, dates, maths, others, strings
from labrunner.localcloud.sql.redshift.operators import RULES, type_of
from labrunner.localcloud.sql.redshift.wording import RedshiftWording

if TYPE_CHECKING:
    from sqlglot import exp

    Node = exp.Expression
else:
    Node = Any

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
}
# Functions of Redshift that were not proved: by name not here, rather than unknown.
UNPROVED = names(
    """
    array array_concat array_flatten get_array_length split_to_array subarray ascii_to checksum
    farmfingerprint64 farmhash64 fnv_hash func_sha2 from_hex from_varbyte to_varbyte getbit hll
    hll_cardinality hll_combine hll_create_sketch is_array is_bigint is_boolean is_char is_decimal
    is_float is_integer is_object is_scalar is_smallint is_varchar json_parse json_serialize
    json_serialize_to_varbyte can_json_parse json_size json_typeof object collate convert difference
    interval_cmp timeofday timestamptz_cmp timestamptz_cmp_date timestamptz_cmp_timestamp
    timestamp_cmp_timestamptz date_cmp_timestamptz text_to_int_alt text_to_numeric_alt to_time
    has_assumerole_privilege has_database_privilege has_table_privilege user_is_member_of
    role_is_member_of pg_cancel_backend pg_terminate_backend set_config reboot_cluster
    pg_get_session_roles slice_num size lower_attribute_names upper_attribute_names generate_series
    percentile approximate url_encode grouping grouping_id exp_cast string_agg
    pg_get_cols pg_get_late_binding_view_cols pg_get_iam_role_by_user pg_last_unload_count
    pg_last_unload_id has_any_column_privilege isnull oct_to_hex levenshtein array_agg now
    transaction_timestamp clock_timestamp localtime localtimestamp justify_days
    """
)
# What the columns of some functions are called.
TITLES = {
    "dateadd": "date_add", "datediff": "date_diff", "date_part": "pgdate_part", "nvl": "coalesce",
    "nvl2": "case", "decode": "case", "len": "len", "trim": "btrim", "ceiling": "ceil",
    "dexp": "exp", "dlog1": "ln", "dlog10": "log", "dpow": "pow", "sysdate": "timestamp",
    "sha1": "sha", "func_sha1": "sha",
}  # fmt: skip


def unnamed(index: int, node: Node) -> str:
    """Return the name of a column of a result that its query gives none."""
    del index
    kind = type(node).__name__
    if kind == "Anonymous":
        name = str(node.name).lower()
        return TITLES.get(name, name)
    if kind in ("Window", "WithinGroup", "Paren", "IgnoreNulls", "RespectNulls"):
        return unnamed(0, node.this)
    if kind == "Cast":
        inner = node.this
        if type(inner).__name__ == "Column":
            return str(inner.name).lower()
        if type(inner).__name__ == "Literal":
            return types.short(type_of(node.args["to"]))
        return unnamed(0, inner)
    if kind == "Column":
        return str(node.name).lower()
    if kind == "Dot":
        return unnamed(0, node.expression)
    if kind == "Subquery" and type(node.this).__name__ == "Select":
        first = node.this.expressions[0]
        return str(first.alias).lower() if first.alias else unnamed(0, first)
    return NODES.get(kind, "?column?")


NODES = {
    "Case": "case", "Extract": "date_part", "CurrentDate": "date", "CurrentUser": "current_user",
    "CurrentTimestamp": "timestamptz", "SessionUser": "session_user", "Substring": "substring",
    "Trim": "btrim", "StrPosition": "strpos", "Exists": "?column?", "Boolean": "bool",
    "CurrentSchema": "current_schema", "AtTimeZone": "timezone",
}  # fmt: skip


@functools.cache
def redshift() -> Dialect:
    """Return the dialect."""
    tables = (strings.FUNCTIONS, maths.FUNCTIONS, dates.FUNCTIONS, others.FUNCTIONS)
    return Dialect(
        name="Redshift",
        rules=RULES,
        functions=merged(tables),
        aggregates=aggregates.AGGREGATES,
        generators={},
        kinds=RedshiftKinds(),
        conversions=RedshiftConversions(),
        wording=RedshiftWording(),
        known=UNPROVED,
        habits=Habits(
            group_by_position=True,
            group_by_alias=True,
            unnamed=unnamed,
            joins=JOINS,
            qualify=True,
            lateral_aliases=True,
            same_names=True,
            using=True,
        ),
    )
