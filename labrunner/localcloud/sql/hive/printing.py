"""Rows as the hive command prints them."""

import json
import struct
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from labrunner.localcloud.sql.datatypes import Type
from labrunner.localcloud.sql.hive.javatext import java_double


def line(values: Sequence[Any], types: Sequence[Type]) -> str:
    """Return a row: fields between tabs, NULL for nothing."""
    return "\t".join(text(value, kind) for value, kind in zip(values, types, strict=True))


def text(value: Any, kind: Type) -> str:
    """Return a value as a field of a row; arrays, maps and structs are JSON."""
    if value is None:
        return "NULL"
    if kind.is_simple:
        return plain(value, kind)
    return _json(value, kind)


def plain(value: Any, kind: Type) -> str:
    """Return a value that is not made of others."""
    if kind.name == "boolean":
        return "true" if value else "false"
    if kind.name == "double":
        return java_double(value)
    if kind.name == "float":
        return java_double(shortest(value))
    if kind.name == "decimal":
        return f"{value:f}"
    if kind.name == "char":
        return str(value).ljust(kind.params[0])
    if kind.name == "binary":
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, datetime):
        whole = value.strftime("%H:%M:%S")
        fraction = f".{value.microsecond:06d}".rstrip("0").rstrip(".")
        return f"{value.date().isoformat()} {whole}{fraction}"
    return value.isoformat() if isinstance(value, date) else str(value)


def shortest(value: float) -> float:
    """Return the double whose text is the shortest one of a float."""
    for digits in range(1, 10):
        found = float(f"{value:.{digits}g}")
        if value != value or struct.pack("f", found) == struct.pack("f", value):  # noqa: PLR0124
            return found
    return value


def _json(value: Any, kind: Type) -> str:
    if value is None:
        return "null"
    if kind.name == "array":
        return f"[{','.join(_json(one, kind.args[0]) for one in value)}]"
    if kind.name == "map":
        cells = (f"{_key(k, kind.args[0])}:{_json(v, kind.args[1])}" for k, v in value.items())
        return "{" + ",".join(cells) + "}"
    if kind.name == "struct":
        pairs = zip(kind.fields, kind.args, strict=True)
        return "{" + ",".join(f'"{n}":{_json(value[n], one)}' for n, one in pairs) + "}"
    found = plain(value, kind)
    quoted = kind.is_text or kind.is_time or kind.name == "binary"
    return json.dumps(found, ensure_ascii=False) if quoted else found


def _key(value: Any, kind: Type) -> str:
    found = plain(value, kind)
    return json.dumps(found, ensure_ascii=False) if kind.is_text or kind.is_time else found
