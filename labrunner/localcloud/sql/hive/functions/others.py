# ruff: noqa: ARG001, D402, E501 - the signature of a Special, and a call as its summary; a signature a line
"""Conditional, collection, type conversion and miscellaneous functions, after those sections."""

from collections.abc import Sequence

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import (
    BOOLEAN,
    DATE,
    INT,
    STRING,
    TIMESTAMP,
    VOID,
    Type,
    array,
    map_of,
    struct,
)
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.functions import (
    MismatchError,
    Special,
    filled,
    merged,
    specials,
    table,
)
from labrunner.localcloud.sql.hive.conversions import cast, common, comparable, implicit
from labrunner.localcloud.sql.values import Value

TABLE = r"""
isnull (any) -> boolean: ({0} IS NULL)
isnotnull (any) -> boolean: ({0} IS NOT NULL)
assert_true (condition) -> boolean: CASE WHEN {0} THEN NULL ELSE error('ASSERT_TRUE(): assertion failed.') END
size (array) -> int: coalesce(CAST(len({0}) AS INTEGER), -1)
size (map) -> int: coalesce(CAST(cardinality({0}) AS INTEGER), -1)
current_database () -> string: 'default'
version () -> string: '3.1.3'
istrue (condition) -> boolean: ({0} IS TRUE)
isfalse (condition) -> boolean: ({0} IS FALSE)
isnottrue (condition) -> boolean: ({0} IS NOT TRUE)
isnotfalse (condition) -> boolean: ({0} IS NOT FALSE)
"""
VOLATILE = r"""
uuid () -> string: CAST(uuid() AS VARCHAR)
"""


def _alike(values: Sequence[Value]) -> tuple[list[Value], Type]:
    kind = common([one.type for one in values])
    fitted = [implicit(one, kind) for one in values] if kind else [None]
    if kind is None or None in fitted:
        names = ", ".join(str(one.type) for one in values)
        raise MismatchError(f"the expressions should all have the same type: {names}")
    return [one for one in fitted if one is not None], kind


def coalesce(compiler: Compiler, values: Sequence[Value]) -> Value:
    """coalesce(...) and nvl(a, b): the first that is not NULL."""
    if not values:
        raise MismatchError("")
    fitted, kind = _alike(values)
    holes = ", ".join(f"{{{i}}}" for i in range(len(fitted)))
    return filled(f"coalesce({holes})", fitted, kind)


def nvl(compiler: Compiler, values: Sequence[Value]) -> Value:
    """nvl(value, default)."""
    if len(values) != 2:  # noqa: PLR2004
        raise MismatchError("The operator 'NVL' accepts 2 arguments.")
    return coalesce(compiler, values)


def nullif(compiler: Compiler, values: Sequence[Value]) -> Value:
    """nullif(a, b): NULL if they are equal, else a."""
    if len(values) != 2:  # noqa: PLR2004
        raise MismatchError("")
    a, b = values
    pair = comparable(a, b)
    if pair is None or isinstance(pair, str):
        raise MismatchError("the expressions cannot be compared")
    return filled("CASE WHEN {1} = {2} THEN NULL ELSE {0} END", [a, *pair], a.type)


# ---- collections


def array_(compiler: Compiler, values: Sequence[Value]) -> Value:
    """array(value, ...)."""
    if not values:
        return Value("CAST([] AS VARCHAR[])", array(STRING))
    fitted, kind = _alike(values)
    kind = STRING if kind == VOID else kind
    holes = ", ".join(f"{{{i}}}" for i in range(len(fitted)))
    return filled(f"[{holes}]", fitted, array(kind))


def map_(compiler: Compiler, values: Sequence[Value]) -> Value:
    """map(key, value, ...): the last value of a key counts."""
    if not values or len(values) % 2:
        raise MismatchError("Arguments must be in key/value pairs")
    keys, key = _alike(values[::2])
    items, item = _alike(values[1::2])
    constants = [one.constant for one in keys if one.is_constant]
    if len(set(map(str, constants))) != len(keys):
        raise unsupported("Hive's map() with keys that are not different literals")
    fitted = [*keys, *items]
    first = ", ".join(f"{{{i}}}" for i in range(len(keys)))
    second = ", ".join(f"{{{i}}}" for i in range(len(keys), len(fitted)))
    item = STRING if item == VOID else item
    return filled(f"map([{first}], [{second}])", fitted, map_of(key, item))


def named_struct(compiler: Compiler, values: Sequence[Value]) -> Value:
    """named_struct(name, value, ...)."""
    names = [one.constant for one in values[::2]]
    if not values or len(values) % 2 or not all(isinstance(one, str) for one in names):
        raise MismatchError("NAMED_STRUCT arguments should be constant names and values in turn")
    return _struct([str(one).lower() for one in names], list(values[1::2]))


def struct_(compiler: Compiler, values: Sequence[Value]) -> Value:
    """struct(value, ...), its fields are col1, col2, ..."""
    if not values:
        raise MismatchError("")
    return _struct([f"col{i}" for i in range(1, len(values) + 1)], list(values))


def _struct(names: list[str], values: list[Value]) -> Value:
    values = [Value("CAST(NULL AS VARCHAR)", STRING) if v.type == VOID else v for v in values]
    parts = ", ".join(f"{quoting.name(n)} := {{{i}}}" for i, n in enumerate(names))
    kind = struct(tuple(zip(names, (one.type for one in values), strict=True)))
    return filled(f"struct_pack({parts})", values, kind)


def array_contains(compiler: Compiler, values: Sequence[Value]) -> Value:
    """array_contains(array, value): false where either is NULL."""
    if len(values) != 2 or values[0].type.name != "array":  # noqa: PLR2004
        raise MismatchError('"array" expected at function ARRAY_CONTAINS', 0)
    element = values[0].type.args[0]
    wanted = implicit(values[1], element) if _same_kind(values[1].type, element) else None
    if wanted is None:
        raise MismatchError(f'"{element}" expected at function ARRAY_CONTAINS', 1)
    sql = "coalesce(list_contains({0}, {1}), false)"
    return filled(sql, [values[0], wanted], BOOLEAN)


def _same_kind(a: Type, b: Type) -> bool:
    return a == b or (a.is_text and b.is_text) or (a.is_integer and b.is_integer)


def _parts(name: str, sql: str) -> Special:
    def compile_(compiler: Compiler, values: Sequence[Value]) -> Value:
        """map_keys and map_values."""
        if len(values) != 1 or values[0].type.name != "map":
            raise MismatchError(f'"map" is expected at function {name.upper()}', 0)
        kind = values[0].type.args[0 if name == "map_keys" else 1]
        return filled(sql, values, array(kind))

    return compile_


def sort_array(compiler: Compiler, values: Sequence[Value]) -> Value:
    """sort_array(array): upwards, NULLs first."""
    if len(values) != 1 or values[0].type.name != "array":
        raise MismatchError('"array" expected at function SORT_ARRAY', 0)
    if not values[0].type.args[0].is_simple:
        raise unsupported(f"Hive's sort_array() of {values[0].type}")
    return filled("list_sort({0}, 'ASC', 'NULLS FIRST')", values, values[0].type)


# ---- conversion by a function's name


def _conversion(to: Type) -> Special:
    def compile_(compiler: Compiler, values: Sequence[Value]) -> Value:
        if len(values) != 1:
            raise MismatchError("")
        found = cast(values[0], to)
        if found is None:
            raise MismatchError(f"{values[0].type} cannot be cast to {to}", 0)
        return found

    return compile_


def binary(compiler: Compiler, values: Sequence[Value]) -> Value:
    """binary(text)."""
    if len(values) != 1 or not (values[0].type.is_text or values[0].type.name == "binary"):
        raise MismatchError("binary() takes a string", 0)
    found = cast(values[0], Type("binary"))
    assert found is not None
    return found


FUNCTIONS = merged(
    (
        table(TABLE),
        table(VOLATILE, is_volatile=True),
        specials(
            coalesce=coalesce,
            nvl=nvl,
            nullif=nullif,
            array_=array_,
            map_=map_,
            named_struct=named_struct,
            struct_=struct_,
            array_contains=array_contains,
            map_keys=_parts("map_keys", "map_keys({0})"),
            map_values=_parts("map_values", "map_values({0})"),
            sort_array=sort_array,
            date=_conversion(DATE),
            timestamp=_conversion(TIMESTAMP),
            string=_conversion(STRING),
            int=_conversion(INT),
            bigint=_conversion(Type("bigint")),
            double=_conversion(Type("double")),
            boolean=_conversion(BOOLEAN),
            binary=binary,
        ),
    )
)
