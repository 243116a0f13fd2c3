"""What may stand for which argument of a function, after "Allowed Implicit Conversions"."""

from collections.abc import Callable, Mapping

from labrunner.localcloud.sql.datatypes import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INT,
    INTEGERS,
    NUMBERS,
    STRING,
    TIMESTAMP,
    VOID,
    Type,
    array,
)
from labrunner.localcloud.sql.hive.conversions import BITS, cast, to_string
from labrunner.localcloud.sql.values import Value

Check = Callable[[Value], Value | None]


class HiveKinds:
    """What may stand for which argument of a function."""

    def fit(self, value: Value, kind: str) -> Value | None:
        """Return a value as an argument of a kind, None if Hive does not let it."""
        if value.type == VOID and kind in KINDS_OF_NULL:
            return cast(value, KINDS_OF_NULL[kind])
        check = CHECKS.get(kind)
        assert check is not None, kind
        return check(value)


def _is(*names: str) -> Check:
    return lambda value: value if value.type.name in names else None


def _string(value: Value) -> Value | None:
    if value.type.is_number or value.type.is_text or value.type.is_time:
        return to_string(value)
    return None


def _double(value: Value) -> Value | None:
    return cast(value, DOUBLE) if value.type.is_number or value.type.is_text else None


def _whole(limit: Type) -> Check:
    def check(value: Value) -> Value | None:
        fits = value.type.is_integer and BITS[value.type.name] <= BITS[limit.name]
        return cast(value, limit) if fits else None

    return check


def _date(value: Value) -> Value | None:
    return cast(value, DATE) if value.type.is_text or value.type.is_time else None


def _moment(value: Value) -> Value | None:
    return cast(value, TIMESTAMP) if value.type.is_text or value.type.is_time else None


KINDS_OF_NULL = {
    "string": STRING,
    "text": STRING,
    "double": DOUBLE,
    "int": INT,
    "bigint": BIGINT,
    "date": DATE,
    "timestamp": TIMESTAMP,
    "condition": BOOLEAN,
    "boolean": BOOLEAN,
    "number": DOUBLE,
}


CHECKS: Mapping[str, Check] = {
    "any": lambda value: value,
    "primitive": lambda value: value if value.type.is_simple else None,
    "string": _string,
    "text": lambda value: to_string(value) if value.type.is_text else None,
    "double": _double,
    "int": _whole(INT),
    "bigint": _whole(BIGINT),
    "integer": _is(*INTEGERS),
    "number": _is(*NUMBERS),
    "real": _is("float", "double"),
    "exact": _is("decimal", *INTEGERS),
    "decimal": _is("decimal"),
    "boolean": _is("boolean"),
    "condition": _is("boolean"),
    "date": _date,
    "timestamp": _moment,
    "binary": _is("binary"),
    "array": _is("array"),
    "map": _is("map"),
    "texts": lambda value: value if value.type == array(STRING) else None,
}
