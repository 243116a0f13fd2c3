"""Which type becomes which in Redshift, by itself and by CAST.

After "Type compatibility and conversion" and "CAST function"; what is refused there is None here.
Texts that are written out have no type of their own yet, as in PostgreSQL: they become what they
are compared with or given to.
"""

from collections.abc import Callable, Sequence

from labrunner.localcloud.sql.datatypes import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    INT,
    MAX_PRECISION,
    STRING,
    TIMESTAMP,
    VOID,
    Type,
    decimal,
)
from labrunner.localcloud.sql.functions import filled
from labrunner.localcloud.sql.redshift.types import INTERVAL
from labrunner.localcloud.sql.values import Value

ORDER = ("smallint", "int", "bigint", "decimal", "float", "double")
# Digits that an integer has at most, when it becomes a decimal.
DIGITS = {"smallint": 5, "int": 10, "bigint": 19}
OVERFLOWS = {"smallint": "smallint", "int": "integer", "bigint": "bigint"}
MOMENTS = ("date", "timestamp", "timestamptz")
REALS = ("float", "double")


def is_literal(value: Value) -> bool:
    """Whether it is a text that was written out, without a type of its own."""
    return value.type == STRING and isinstance(value.constant, str)


def as_decimal(kind: Type) -> Type:
    """Return the decimal that holds every value of an exact number."""
    return decimal(DIGITS[kind.name], 0) if kind.is_integer else kind


def _of(value: Value, template: str, kind: Type) -> Value:
    return filled(template.replace("{}", "{0}"), [value], kind)


def to_text(value: Value) -> Value | None:
    """Return a value as a text, None where there is no conversion."""
    name = value.type.name
    if value.type.is_text:
        return Value(value.sql, STRING, value.constant, volatile=value.volatile)
    templates = {
        "boolean": "CASE WHEN {} THEN 'true' WHEN NOT {} THEN 'false' END",
        "float": "rs_real_text({}::DOUBLE, 6)",
        "double": "rs_real_text({}, 15)",
        "timestamptz": "rs_moment_text_({}) || '+00'",
        "timestamp": "rs_moment_text_({})",
        "date": "CAST({} AS VARCHAR)",
        "time": "rs_time_text_({})",
        "decimal": "CAST({} AS VARCHAR)",
        "void": "CAST({} AS VARCHAR)",
    }
    if value.type.is_integer:
        return _of(value, "CAST({} AS VARCHAR)", STRING)
    return _of(value, templates[name], STRING) if name in templates else None


def cast(value: Value, to: Type) -> Value | None:
    """Return an explicit cast, None where Redshift has none or it was not proved."""
    source = value.type
    if source == to:
        return Value(value.sql, to, volatile=value.volatile, is_column=value.is_column)
    if source == VOID:
        return Value(f"CAST(NULL AS {to.duckdb})", to, None)
    if to.is_text:
        return _cast_to_text(value, to)
    if to.is_integer:
        return _to_integer(value, to)
    makers: dict[str, Callable[[Value, Type], Value | None]] = {
        "float": _to_real,
        "double": _to_real,
        "decimal": _to_decimal,
        "boolean": _to_boolean,
        "date": _to_moment,
        "timestamp": _to_moment,
        "timestamptz": _to_moment,
        "time": _to_time,
        "interval": _to_interval,
    }
    maker = makers.get(to.name)
    return maker(value, to) if maker else None


def _cast_to_text(value: Value, to: Type) -> Value | None:
    """A cast cuts a text that is too long to as many bytes as fit."""
    found = to_text(value)
    if found is None:
        return None
    if to == STRING:
        return Value(found.sql, STRING, volatile=found.volatile)
    template = f"rs_cut_({{}}, {to.params[0]})"
    # CHAR is kept without its trailing blanks, which count nowhere.
    return _of(found, f"rtrim({template}, ' ')" if to.name == "char" else template, to)


def _to_integer(value: Value, to: Type, *, rounds: bool = False) -> Value | None:
    source, name = value.type, OVERFLOWS[to.name]
    if source.is_text:
        return _of(value, f"CAST(rs_whole_({{}}, '{name}') AS {to.duckdb})", to)
    if source.name == "boolean":
        return _of(value, f"CAST({{}} AS {to.duckdb})", to)
    if source.is_integer and ORDER.index(source.name) <= ORDER.index(to.name):
        return _of(value, f"CAST({{}} AS {to.duckdb})", to)
    if source.is_number:
        # "results of explicit casts of values selected from tables are not rounded"
        whole = "round({}, 0)" if rounds or value.is_constant else "trunc({})"
        bad = f"rs_fail_('22003', '{name} out of range')"
        cut = f"TRY_CAST({whole} AS {to.duckdb})"
        return _of(value, f"CASE WHEN {{}} IS NULL THEN NULL ELSE coalesce({cut}, {bad}) END", to)
    return None


def _to_real(value: Value, to: Type) -> Value | None:
    source = value.type
    if source.is_text:
        return _of(value, f"CAST(rs_real_({{}}) AS {to.duckdb})", to)
    return _of(value, f"CAST({{}} AS {to.duckdb})", to) if source.is_number else None


def _to_decimal(value: Value, to: Type) -> Value | None:
    source = value.type
    bad = "rs_fail_('22003', 'Numeric data overflow (result precision)')"
    if source.is_text:
        inner = f"TRY_CAST(rs_exact_({{}}) AS {to.duckdb})"
    elif source.name in REALS:
        inner = f"TRY_CAST({{}} AS {to.duckdb})"
    elif source.name == "decimal":
        cuts = source.scale > to.scale and not value.is_constant
        cut = f"trunc({{}}, {to.scale})" if cuts else "{}"
        inner = f"TRY_CAST({cut} AS {to.duckdb})"
        if to.precision - to.scale >= source.precision - source.scale:
            return _of(value, f"CAST({cut} AS {to.duckdb})", to)
    elif source.is_integer:
        inner = f"TRY_CAST({{}} AS {to.duckdb})"
    else:
        return None
    return _of(value, f"CASE WHEN {{}} IS NULL THEN NULL ELSE coalesce({inner}, {bad}) END", to)


def _to_boolean(value: Value, to: Type) -> Value | None:
    if value.type.is_text:
        return _of(value, "rs_truth_({})", to)
    return _of(value, "({} <> 0)", to) if value.type.is_integer else None


def _to_moment(value: Value, to: Type) -> Value | None:
    source = value.type
    if source.is_text:
        makers = {
            "date": "rs_date_({})",
            "timestamp": "rs_moment_({}, false)",
            "timestamptz": "rs_moment_({}, true)",
        }
        return _of(value, makers[to.name], to)
    if source.name in MOMENTS:
        return _of(value, f"CAST({{}} AS {to.duckdb})", to)
    return None


def _to_time(value: Value, to: Type) -> Value | None:
    if value.type.is_text:
        return _of(value, "rs_time({})", to)
    if value.type.name in ("timestamp", "timestamptz"):
        return _of(value, "CAST({} AS TIME)", to)
    return None


def _to_interval(value: Value, to: Type) -> Value | None:
    del value, to
    return None


def implicit(value: Value, to: Type) -> Value | None:
    """Return a value as an element of a column whose type is the common one of several."""
    if value.type == to:
        return value
    if value.type == VOID or is_literal(value):
        return cast(value, to)
    if value.type.is_text and to.is_text:
        return Value(value.sql, to, volatile=value.volatile)
    if value.type.is_number and to.is_number:
        return widened(value, to)
    return cast(value, to) if value.type.name in MOMENTS and to.name in MOMENTS else None


def widened(value: Value, to: Type) -> Value:
    """Return a number as a wider type; a decimal that is narrower is rounded."""
    if value.type == to:
        return value
    return _of(value, f"CAST({{}} AS {to.duckdb})", to)


def common(types: Sequence[Type]) -> Type | None:
    """Return the type of CASE, COALESCE, UNION and the like, None if there is none."""
    found: Type | None = VOID
    for one in types:
        if found is not None:
            found = _pair(found, one)
    return found


def _pair(a: Type, b: Type) -> Type | None:
    if b in (a, VOID):
        return a
    if a == VOID:
        return b
    if a.is_number and b.is_number:
        return number_of(a, b)
    if a.is_text and b.is_text:
        if STRING in (a, b):
            return STRING
        return Type("varchar", (max(a.params[0], b.params[0]),))
    if a.name in MOMENTS and b.name in MOMENTS:
        return a if MOMENTS.index(a.name) >= MOMENTS.index(b.name) else b
    return None


def number_of(a: Type, b: Type) -> Type:
    """Return the type that two numbers meet in."""
    if a.name in REALS or b.name in REALS:
        return FLOAT if a == b == FLOAT else DOUBLE
    if "decimal" in (a.name, b.name):
        left, right = as_decimal(a), as_decimal(b)
        scale = max(left.scale, right.scale)
        whole = max(left.precision - left.scale, right.precision - right.scale)
        # The guide caps the precision at 19; wider ones come of wider columns only.
        widest = max(19, left.precision, right.precision)
        return decimal(min(MAX_PRECISION, whole + scale, max(widest, whole)), scale)
    return a if ORDER.index(a.name) >= ORDER.index(b.name) else b


def alike(values: Sequence[Value]) -> tuple[list[Value], Type] | None:
    """Return values of one common type; texts that are written out follow the others."""
    typed = [one.type for one in values if not is_literal(one)]
    kind = common(typed)
    if kind is None:
        return None
    if kind == VOID:
        kind = STRING if any(is_literal(one) for one in values) else VOID
    fitted = [implicit(one, kind) for one in values]
    kept = [one for one in fitted if one is not None]
    return (kept, kind) if len(kept) == len(values) else None


def comparable(a: Value, b: Value) -> tuple[Value, Value] | None:
    """Return two values as Redshift compares them, None if it cannot."""
    if VOID in (a.type, b.type):
        kind = b.type if a.type == VOID else a.type
        kind = STRING if kind == VOID else kind
        return _both(cast(a, kind), cast(b, kind))
    if a.type.is_text and b.type.is_text:
        return unpadded(a), unpadded(b)
    if a.type.is_text or b.type.is_text:
        return _with_text(a, b)
    if a.type.is_number and b.type.is_number:
        kind = number_of(a.type, b.type)
        if a.type.is_integer and b.type.is_integer:
            return a, b
        return widened(a, kind), widened(b, kind)
    if a.type.name in MOMENTS and b.type.name in MOMENTS:
        later = a.type if MOMENTS.index(a.type.name) >= MOMENTS.index(b.type.name) else b.type
        return _both(cast(a, later), cast(b, later))
    return (a, b) if a.type == b.type else None


def _both(a: Value | None, b: Value | None) -> tuple[Value, Value] | None:
    return None if a is None or b is None else (a, b)


def _with_text(a: Value, b: Value) -> tuple[Value, Value] | None:
    text, other = (a, b) if a.type.is_text else (b, a)
    if is_literal(text) or other.type.name in ("decimal", *MOMENTS, "time"):
        # "If you compare DECIMAL values with character strings, Amazon Redshift attempts to
        # convert the character string to a DECIMAL value."
        kind = other.type
        if kind.name == "decimal":
            kind = decimal(MAX_PRECISION, max(kind.scale, 10))
            fitted = widened(other, kind)
        else:
            fitted = other
        found = cast(text, kind)
    else:
        # "When comparing all other numeric values with character strings, the numeric values are
        # converted to character strings."
        found, other_text = unpadded(text), to_text(other)
        if other_text is None:
            return None
        fitted = other_text
    if found is None:
        return None
    return (found, fitted) if a is text else (fitted, found)


def unpadded(value: Value) -> Value:
    """Return a text without its trailing blanks, which no comparison sees."""
    if value.type.name == "char":
        return Value(value.sql, STRING, volatile=value.volatile)
    if isinstance(value.constant, str):
        from labrunner.localcloud.sql import quoting

        text = value.constant.rstrip(" ")
        return Value(quoting.text(text), STRING, text)
    return _of(value, "rtrim({}, ' ')", STRING)


def assigned(value: Value, to: Type) -> Value | None:
    """Return a value as INSERT and UPDATE store it in a column, None if they refuse it.

    A text that is longer than its column is an error unless the rest is blanks; numbers are
    rounded to the scale of their column.
    """
    if value.type == VOID:
        return cast(value, to)
    if to.is_text:
        return _assigned_text(value, to)
    if to.name == "decimal" and value.type.is_number:
        return _assigned_decimal(value, to)
    if is_literal(value) or value.type == to:
        return cast(value, to)
    if value.type.is_number and to.is_integer:
        return _to_integer(value, to, rounds=True)
    if value.type.is_number and to.is_number:
        return cast(value, to)
    if value.type.name in MOMENTS and to.name in MOMENTS:
        return cast(value, to)
    if value.type.is_text and to.name in (*MOMENTS, "decimal", "boolean", "time"):
        return cast(value, to)
    if value.type.is_integer and to.name == "boolean":
        return cast(value, to)
    return None


def _assigned_text(value: Value, to: Type) -> Value | None:
    text = to_text(value)
    if text is None or to == STRING:
        return text
    length = to.params[0]
    source = value.type
    fits = source.name == to.name and source.params and source.params[0] <= length
    if fits:
        return Value(text.sql, to, volatile=text.volatile)
    macro = "rs_char_" if to.name == "char" else "rs_varchar_"
    return _of(text, f"{macro}({{}}, {length})", to)


def _assigned_decimal(value: Value, to: Type) -> Value | None:
    whole = to.precision - to.scale
    detail = (
        f"The absolute value is greater than or equal to 10^{whole} for field with precision "
        f"{to.precision}, scale {to.scale}."
    )
    bad = f"rs_fail_('22003', 'numeric field overflow\x1f{detail}')"
    inner = f"TRY_CAST({{}} AS {to.duckdb})"
    return _of(value, f"CASE WHEN {{}} IS NULL THEN NULL ELSE coalesce({inner}, {bad}) END", to)


class RedshiftConversions:
    """Redshift's changes of types, as the compiler asks for them."""

    def cast(self, value: Value, to: Type) -> Value | None:
        """Return an explicit cast, None where there is none."""
        return cast(value, to)

    def common(self, types: Sequence[Type]) -> Type | None:
        """Return the type of CASE, COALESCE and the like."""
        return common(types)

    def union(self, types: Sequence[Type]) -> Type | None:
        """Return the type of a column of a set operation."""
        return common(types)

    def implicit(self, value: Value, to: Type) -> Value | None:
        """Return a value as an element of a column of a common type."""
        return implicit(value, to)


class RedshiftKinds:
    """What may stand for which argument of a function."""

    def fit(self, value: Value, kind: str) -> Value | None:
        """Return a value as an argument of a kind, None if Redshift does not let it."""
        if value.type == VOID:
            return cast(value, OF_NULL[kind]) if kind in OF_NULL else value
        return CHECKS[kind](value)


def _is(*names: str) -> Callable[[Value], Value | None]:
    return lambda value: value if value.type.name in names else None


def _to(kind: Type, *names: str) -> Callable[[Value], Value | None]:
    """Return a check that takes some types, and texts that are written out, as a type."""

    def check(value: Value) -> Value | None:
        if value.type.name in names or is_literal(value):
            return cast(value, kind)
        return None

    return check


def _condition(value: Value) -> Value | None:
    if value.type == BOOLEAN:
        return value
    return cast(value, BOOLEAN) if is_literal(value) else None


def _exact(value: Value) -> Value | None:
    if value.type.is_integer:
        return cast(value, as_decimal(value.type))
    return value if value.type.name == "decimal" else None


def _number(value: Value) -> Value | None:
    if is_literal(value):
        return cast(value, DOUBLE)
    return value if value.type.is_number else None


INTEGERS = ("smallint", "int", "bigint")
NUMBERS = (*INTEGERS, "decimal", "float", "double")
OF_NULL = {
    "string": STRING,
    "text": STRING,
    "char": STRING,
    "double": DOUBLE,
    "int": INT,
    "bigint": BIGINT,
    "number": DOUBLE,
    "date": DATE,
    "timestamp": TIMESTAMP,
    "moment": TIMESTAMP,
    "condition": BOOLEAN,
    "boolean": BOOLEAN,
}
CHECKS: dict[str, Callable[[Value], Value | None]] = {
    "any": lambda value: value,
    "string": lambda value: to_text(value) if value.type != INTERVAL else None,
    "text": lambda value: to_text(value) if value.type.is_text else None,
    "double": _to(DOUBLE, *NUMBERS),
    "int": _to(INT, *INTEGERS),
    "bigint": _to(BIGINT, *INTEGERS),
    "integer": _is(*INTEGERS),
    "number": _number,
    "real": _is(*REALS),
    "decimal": _is("decimal"),
    "exact": _exact,
    "boolean": _condition,
    "condition": _condition,
    "date": _to(DATE, *MOMENTS, "varchar", "char", "string"),
    "timestamp": _to(TIMESTAMP, *MOMENTS, "varchar", "char", "string"),
    "moment": _to(TIMESTAMP, *MOMENTS),
    "isdate": _is("date"),
    "istime": _is("time"),
    "zoned": _is("timestamptz"),
}
