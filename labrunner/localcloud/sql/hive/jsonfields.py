"""The fields of JSON rows as values, after the JSON SerDes of HCatalog and of OpenX."""

import json
from typing import Any

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.datatypes import STRING, Type
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.hive import conversions
from labrunner.localcloud.sql.values import Value


class Number(str):
    """A number of JSON, kept as it was written."""

    __slots__ = ()


def dumped(value: Any) -> str:
    """Return a value as JSON, its numbers as they were."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(k)}:{dumped(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return f"[{','.join(map(dumped, value))}]"
    if isinstance(value, Number):
        return str(value)
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def row(line: str, keys: list[str], lenient: bool) -> list[str | None] | None:  # noqa: FBT001
    """Return the texts of the keys of a row: of arrays, maps and structs their JSON."""
    try:
        found = json.loads(line, parse_float=Number, parse_int=Number) if line.strip() else {}
    except ValueError as error:
        if lenient:
            return None
        raise ValueError(f"Row is not a valid JSON Object: {line[:200]}: {error}") from None
    if not isinstance(found, dict):
        if lenient:
            return None
        raise ValueError(f"Row is not a valid JSON Object: {line[:200]}")
    lowered = {str(name).lower(): value for name, value in found.items()}
    return [_text(lowered.get(key)) for key in keys]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return dumped(value)


def read(text: str, kind: Type) -> str:
    """Return a field as a value; what is of another type is an error, as in HCatalog's SerDe."""
    if not kind.is_simple:
        return _nested(text, kind)
    if kind.is_text:
        value = conversions.cast(Value(text, STRING), kind)
        assert value is not None
        return value.sql
    if kind.is_integer:
        sql = f"TRY_CAST(hive_whole_({text}) AS {kind.duckdb})"
    elif kind.name == "boolean":
        sql = f"CASE lower({text}) WHEN 'true' THEN true WHEN 'false' THEN false END"
    else:
        value = conversions.cast(Value(text, STRING), kind)
        assert value is not None
        sql = value.sql
    why = quoting.text(f" is no {kind} in a row of JSON")
    wrong = f"{text} IS NOT NULL AND ({sql}) IS NULL"
    return f"CASE WHEN {wrong} THEN error({text} || {why}) ELSE {sql} END"


def _nested(text: str, kind: Type) -> str:
    if not all(_is_plain(one) for one in _leaves(kind)):
        raise unsupported(f"Hive's {kind} in JSON")
    shape = quoting.text(json.dumps(_shape(kind)))
    return f"CAST(from_json_strict(CAST({text} AS JSON), {shape}) AS {kind.duckdb})"


def _leaves(kind: Type) -> list[Type]:
    return [kind] if kind.is_simple else [leaf for one in kind.args for leaf in _leaves(one)]


def _is_plain(kind: Type) -> bool:
    return kind.name in (
        "string",
        "int",
        "bigint",
        "smallint",
        "tinyint",
        "double",
        "float",
        "boolean",
    )


def _shape(kind: Type) -> Any:
    if kind.name == "array":
        return [_shape(kind.args[0])]
    if kind.name == "map":
        return f"MAP({kind.args[0].duckdb}, {kind.args[1].duckdb})"
    if kind.name == "struct":
        return {name: _shape(one) for name, one in zip(kind.fields, kind.args, strict=True)}
    return kind.duckdb
