"""Which type becomes which in Hive, by itself and by CAST.

The rules are those of "Allowed Implicit Conversions" in the manual's page on types, of
FunctionRegistry (getCommonClass, getCommonClassForComparison, getCommonClassForUnionAll) and of
the classes UDFTo...; what is refused there is None here.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from labrunner.localcloud.sql.datatypes import (
    DOUBLE,
    MAX_PRECISION,
    STRING,
    TIMESTAMP,
    VOID,
    Type,
    array,
    decimal,
    map_of,
)
from labrunner.localcloud.sql.values import Value

BITS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}
ORDER = ("tinyint", "smallint", "int", "bigint", "decimal", "float", "double")
# Digits that an integer has at most, when it becomes a decimal.
DIGITS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}
CUT_TO_INT = ("tinyint", "smallint")


def as_decimal(kind: Type) -> Type:
    """Return the decimal that holds every value of an exact number."""
    return decimal(DIGITS[kind.name], 0) if kind.is_integer else kind


def to_string(value: Value) -> Value | None:
    """Return a value as the text that Hive makes of it, None if it makes none."""
    sql, name = value.sql, value.type.name
    if name in ("string", "varchar", "char"):
        return value.as_(sql, STRING) if not value.is_constant else _retyped(value, STRING)
    templates = {
        "boolean": "CASE WHEN {} THEN 'TRUE' WHEN NOT {} THEN 'FALSE' END",
        "float": "hive_real_text_({})",
        "double": "hive_real_text_({})",
        "decimal": "hive_exact_text_({})",
        "timestamp": "hive_moment_text_({})",
        "date": "CAST({} AS VARCHAR)",
        "binary": "java_decode({})",
        "void": "CAST({} AS VARCHAR)",
    }
    if value.type.is_integer:
        return _of(value, "CAST({} AS VARCHAR)", STRING)
    return _of(value, templates[name], STRING) if name in templates else None


def _retyped(value: Value, kind: Type) -> Value:
    return Value(value.sql, kind, value.constant, volatile=value.volatile)


def _of(value: Value, template: str, kind: Type) -> Value:
    from labrunner.localcloud.sql.functions import filled

    return filled(template.replace("{}", "{0}"), [value], kind)


def cast(value: Value, to: Type) -> Value | None:
    """Return an explicit cast, None where Hive has none or it was not proved."""
    source = value.type
    if source == to:
        return value
    if source == VOID:
        return Value(f"CAST(NULL AS {to.duckdb})", to, None)
    if not to.is_simple or not source.is_simple:
        return None
    if to.is_text:
        return _to_text(value, to)
    if to.is_integer:
        return _to_integer(value, to)
    if to.name in ("double", "float"):
        return _to_real(value, to)
    makers = {
        "decimal": _to_decimal,
        "boolean": _to_boolean,
        "date": _to_date,
        "timestamp": _to_timestamp,
    }
    if to.name in makers:
        return makers[to.name](value, to)
    if to.name == "binary" and source.is_text:
        return _of(value, "encode({})", to)
    return None


def _to_text(value: Value, to: Type) -> Value | None:
    found = to_string(value)
    if found is None or to == STRING:
        return found
    cut = f"left({{}}, {to.params[0]})"
    # CHAR is kept without its trailing blanks, which count in no comparison.
    return _of(found, f"rtrim({cut}, ' ')" if to.name == "char" else cut, to)


def _to_integer(value: Value, to: Type) -> Value | None:
    source, bits = value.type, BITS[to.name]
    sql = to.duckdb
    if source.is_text:
        return _of(value, f"TRY_CAST(hive_whole_(hive_trim_({{}})) AS {sql})", to)
    if source.name == "boolean":
        return _of(value, f"CAST({{}} AS {sql})", to)
    if source.is_integer:
        if BITS[source.name] <= bits:
            return _of(value, f"CAST({{}} AS {sql})", to)
        return _of(value, f"CAST(hive_wrap_({{}}::HUGEINT, {bits}) AS {sql})", to)
    if source.name in ("float", "double"):
        # Java cuts to an int or a long first, and narrower ones are the low bits of the int.
        wide = 64 if to.name == "bigint" else 32
        least, most = f"{-(2 ** (wide - 1))}::DOUBLE", f"{2 ** (wide - 1)}::DOUBLE"
        cut = f"least(hive_cut_({{}}::DOUBLE, {least}, {most}), {2 ** (wide - 1) - 1}::HUGEINT)"
        if to.name in CUT_TO_INT:
            cut = f"hive_wrap_({cut}, {bits})"
        return _of(value, f"CAST({cut} AS {sql})", to)
    if source.name == "decimal":
        return _of(value, f"TRY_CAST(trunc({{}}) AS {sql})", to)
    if source.name == "timestamp":
        return _of(value, f"TRY_CAST(epoch_us({{}}) // 1000000 AS {sql})", to)
    return None


def _to_real(value: Value, to: Type) -> Value | None:
    source = value.type
    if source.is_text:
        return _of(value, f"CAST(hive_real_(hive_trim_({{}})) AS {to.duckdb})", to)
    if source.is_number or source.name == "boolean":
        return _of(value, f"CAST({{}} AS {to.duckdb})", to)
    if source.name == "timestamp":
        return _of(value, f"CAST(epoch_us({{}}) / 1000000.0::DOUBLE AS {to.duckdb})", to)
    return None


def _to_decimal(value: Value, to: Type) -> Value | None:
    source = value.type
    if source.is_text:
        return _of(value, f"TRY_CAST(hive_exact_(hive_trim_({{}})) AS {to.duckdb})", to)
    if source.name in ("float", "double"):
        return _of(value, f"TRY_CAST(java_exact({{}}::DOUBLE, {to.scale}) AS {to.duckdb})", to)
    if source.is_number:
        return _of(value, f"TRY_CAST({{}} AS {to.duckdb})", to)
    if source.name == "boolean":
        return _of(value, f"TRY_CAST(CAST({{}} AS INTEGER) AS {to.duckdb})", to)
    return None


def _to_boolean(value: Value, to: Type) -> Value | None:
    if value.type.is_text:
        return _of(value, "({} <> '')", to)
    if value.type.is_number:
        return _of(value, "({} <> 0)", to)
    return None


def _to_date(value: Value, to: Type) -> Value | None:
    if value.type.is_text:
        return _of(value, "hive_date_({})", to)
    if value.type.name == "timestamp":
        return _of(value, "CAST({} AS DATE)", to)
    return None


def _to_timestamp(value: Value, to: Type) -> Value | None:
    source = value.type
    if source.is_text:
        return _of(value, "hive_moment_({})", to)
    if source.name == "date":
        return _of(value, "CAST({} AS TIMESTAMP)", to)
    if source.is_integer:  # milliseconds, hive.int.timestamp.conversion.in.seconds being false
        return _of(value, "make_timestamp(CAST({} AS BIGINT) * 1000)", to)
    if source.name in ("float", "double"):
        return _of(value, "make_timestamp(CAST(round({} * 1000000) AS BIGINT))", to)
    if source.name == "decimal":
        return _of(value, "make_timestamp(CAST(round({} * 1000000) AS BIGINT))", to)
    return None


def implicit(value: Value, to: Type) -> Value | None:
    """Return a value as an element of a column whose type is the common one of several."""
    if value.type in (to, VOID):
        return cast(value, to) if value.type == VOID else value
    if not to.is_simple or not value.type.is_simple:
        return _nested(value, to)
    return cast(value, to)


def _nested(value: Value, to: Type) -> Value | None:
    source = value.type
    if source.name != to.name or len(source.args) != len(to.args):
        return None
    if source.name == "array":
        inner = implicit(Value("e", source.args[0]), to.args[0])
        if inner is None:
            return None
        return value.as_(f"list_transform({value.sql}, lambda e: {inner.sql})", to)
    return None


def common(types: Sequence[Type]) -> Type | None:
    """Return the type of CASE, COALESCE and the like over several types."""
    return _fold(types, texts_win=True)


def union(types: Sequence[Type]) -> Type | None:
    """Return the type of a column of UNION: only types of one group go together."""
    return _fold(types, texts_win=False)


def _fold(types: Sequence[Type], *, texts_win: bool) -> Type | None:
    found: Type | None = VOID
    for one in types:
        if found is not None:
            found = _pair(found, one, texts_win=texts_win)
    return found


def _pair(a: Type, b: Type, *, texts_win: bool) -> Type | None:
    if b in (a, VOID):
        return a
    if a == VOID:
        return b
    if a.is_number and b.is_number:
        return number_of(a, b)
    if a.is_text and b.is_text:
        if a.name == b.name:
            return Type(a.name, (max(a.params[0], b.params[0]),))
        return STRING
    if a.is_time and b.is_time:
        return TIMESTAMP
    if a.name == b.name == "array":
        inner = _pair(a.args[0], b.args[0], texts_win=texts_win)
        return array(inner) if inner else None
    if a.name == b.name == "map":
        key = _pair(a.args[0], b.args[0], texts_win=texts_win)
        inner = _pair(a.args[1], b.args[1], texts_win=texts_win)
        return map_of(key, inner) if key and inner else None
    if texts_win and a.is_simple and b.is_simple and (a.is_text or b.is_text):
        other = b if a.is_text else a
        return STRING if other.is_number or other.is_time else None
    return None


def number_of(a: Type, b: Type) -> Type:
    """Return the type that two numbers meet in."""
    if "decimal" in (a.name, b.name):
        if a.name in ("float", "double") or b.name in ("float", "double"):
            return DOUBLE
        left, right = as_decimal(a), as_decimal(b)
        scale = max(left.scale, right.scale)
        whole = max(left.precision - left.scale, right.precision - right.scale)
        return decimal(min(MAX_PRECISION, whole + scale), scale)
    return a if ORDER.index(a.name) >= ORDER.index(b.name) else b


def comparable(a: Value, b: Value) -> tuple[Value, Value] | str | None:
    """Return two values as Hive compares them, why it refuses to, or None if it cannot."""
    a, b = _narrowed(a, b), _narrowed(b, a)
    kind = _comparison(a.type, b.type)
    if isinstance(kind, str) or kind is None:
        return kind
    left, right = implicit(a, kind), implicit(b, kind)
    return None if left is None or right is None else (left, right)


UNSAFE = (
    "Unsafe compares between different types are disabled for safety reasons. If you know what "
    "you are doing, please set hive.strict.checks.type.safety to false and make sure that "
    "hive.mapred.mode is not set to 'strict' to proceed."
)


def _comparison(  # noqa: C901 - the table of FunctionRegistry
    a: Type, b: Type
) -> Type | str | None:
    if b in (a, VOID):
        return a
    if a == VOID:
        return b
    if not a.is_simple or not b.is_simple:
        return None
    if a.is_text and b.is_text:
        return STRING
    if a.is_time and b.is_time:
        return TIMESTAMP
    if a.is_time and b.is_text:
        return a
    if b.is_time and a.is_text:
        return b
    if a.is_number and b.is_number:
        if {"bigint", "double"} == {a.name, b.name}:
            return UNSAFE
        return number_of(a, b)
    if (a.is_number and b.is_text) or (b.is_number and a.is_text):
        return UNSAFE if "bigint" in (a.name, b.name) else DOUBLE
    return None


def _narrowed(constant: Value, column: Value) -> Value:
    """Return a literal as of the type of the column that it is compared with, if it can be."""
    if not (constant.is_constant and column.is_column) or constant.constant is None:
        return constant
    kind = column.type
    if isinstance(constant.constant, bool) or not (
        constant.type.is_number or constant.type.is_text
    ):
        return constant
    if kind.is_integer:
        try:
            whole = int(str(constant.constant))
        except ValueError:
            return constant
        bits = BITS[kind.name]
        if -(2 ** (bits - 1)) <= whole < 2 ** (bits - 1):
            return Value(f"CAST({whole} AS {kind.duckdb})", kind, whole)
        return constant
    if kind.name == "double":
        try:
            number = Decimal(str(constant.constant).strip())
        except InvalidOperation:
            return constant
        return Value(f"CAST('{float(number)!r}' AS DOUBLE)", DOUBLE, float(number))
    return constant
