"""Functions of Hive that are done in Python, as Java does them."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labrunner.localcloud.sql.hive import documents, matching, numbers, texts
from labrunner.localcloud.sql.hive.javatext import java_scientific
from labrunner.localcloud.sql.hive.jsonfields import row as json_row

if TYPE_CHECKING:
    import duckdb

# Name, function, types of arguments, type of the result.
FUNCTIONS: tuple[tuple[str, Callable[..., Any], str, str], ...] = (
    ("java_scientific", java_scientific, "VARCHAR", "VARCHAR"),
    ("java_find", matching.find, "VARCHAR VARCHAR", "BOOLEAN"),
    ("java_extract", matching.extract, "VARCHAR VARCHAR INTEGER", "VARCHAR"),
    ("java_groups", matching.matched_groups, "VARCHAR VARCHAR", "VARCHAR[]"),
    ("java_replace", matching.replace, "VARCHAR VARCHAR VARCHAR", "VARCHAR"),
    ("java_split", matching.split, "VARCHAR VARCHAR", "VARCHAR[]"),
    ("java_round", numbers.round_up, "DOUBLE INTEGER", "DOUBLE"),
    ("java_round_even", numbers.round_even, "DOUBLE INTEGER", "DOUBLE"),
    ("java_round_decimal", numbers.round_decimal, "VARCHAR INTEGER BOOLEAN", "VARCHAR"),
    ("java_exact", numbers.exact, "DOUBLE INTEGER", "VARCHAR"),
    ("java_divide", numbers.divide, "VARCHAR VARCHAR INTEGER", "VARCHAR"),
    ("java_multiply", numbers.multiply, "VARCHAR VARCHAR INTEGER", "VARCHAR"),
    ("java_cbrt", numbers.cbrt, "DOUBLE", "DOUBLE"),
    ("java_decode", texts.decode, "BLOB", "VARCHAR"),
    ("java_format_number", numbers.format_number, "VARCHAR INTEGER", "VARCHAR"),
    ("java_format_real", numbers.format_real, "DOUBLE INTEGER", "VARCHAR"),
    ("java_json", documents.json_object, "VARCHAR VARCHAR", "VARCHAR"),
    ("java_json_key", documents.json_key, "VARCHAR VARCHAR", "VARCHAR"),
    ("java_url", documents.parse_url, "VARCHAR VARCHAR VARCHAR", "VARCHAR"),
    ("java_conv", numbers.conv, "VARCHAR INTEGER INTEGER", "VARCHAR"),
    ("java_soundex", texts.soundex, "VARCHAR", "VARCHAR"),
    ("java_levenshtein", texts.levenshtein, "VARCHAR VARCHAR", "INTEGER"),
    ("java_initcap", texts.initcap, "VARCHAR", "VARCHAR"),
    ("java_sha2", texts.sha2, "BLOB INTEGER", "VARCHAR"),
    ("java_crc32", texts.crc32, "BLOB", "BIGINT"),
    ("java_from_base64", texts.from_base64, "VARCHAR", "BLOB"),
    ("java_from_hex", texts.from_hex, "VARCHAR", "BLOB"),
    ("java_pairs", matching.pairs, "VARCHAR VARCHAR VARCHAR", "VARCHAR[][]"),
    ("java_split_escaped", texts.split_escaped, "VARCHAR VARCHAR VARCHAR", "VARCHAR[]"),
    ("java_unescape", texts.unescape, "VARCHAR VARCHAR", "VARCHAR"),
    ("java_printf", texts.printf, "VARCHAR VARCHAR[] VARCHAR", "VARCHAR"),
    ("java_csv", texts.csv_fields, "VARCHAR VARCHAR VARCHAR VARCHAR", "VARCHAR[]"),
    ("java_json_row", json_row, "VARCHAR VARCHAR[] BOOLEAN", "VARCHAR[]"),
    ("java_mask", texts.mask, "VARCHAR INTEGER INTEGER", "VARCHAR"),
)


def install(connection: "duckdb.DuckDBPyConnection") -> None:
    """Create the functions; all are NULL where an argument is NULL."""
    from duckdb.func import FunctionNullHandling

    for name, function, arguments, result in FUNCTIONS:
        types: list[Any] = arguments.split()
        connection.create_function(
            name, _strict(function), types, result, null_handling=FunctionNullHandling.SPECIAL
        )


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is nothing where an argument is."""

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        return None if None in arguments else function(*arguments)

    return call
