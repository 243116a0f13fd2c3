"""Parameters of statements: values of a driver become literals of the statement's text."""

import re
import struct
from collections.abc import Callable, Mapping, Sequence

from labrunner.localcloud.sql.redshift.lexer import Kind, lex
from labrunner.localcloud.sql.redshift.wording import RedshiftError

BINARY: Mapping[int, Callable[[bytes], str]] = {
    16: lambda data: "true" if data[0] else "false",
    20: lambda data: str(struct.unpack("!q", data)[0]),
    21: lambda data: str(struct.unpack("!h", data)[0]),
    23: lambda data: str(struct.unpack("!i", data)[0]),
    700: lambda data: repr(struct.unpack("!f", data)[0]),
    701: lambda data: repr(struct.unpack("!d", data)[0]),
    25: lambda data: data.decode(),
    1043: lambda data: data.decode(),
    705: lambda data: data.decode(),
}
# Types whose values are written with a cast, so that an operator finds its kind.
CASTS: Mapping[int, str] = {
    16: "boolean",
    20: "bigint",
    21: "smallint",
    23: "integer",
    700: "real",
    701: "float8",
    1082: "date",
    1114: "timestamp",
    1184: "timestamptz",
}


def count(text: str) -> int:
    """Return how many parameters a statement has."""
    numbers = [int(t.text[1:]) for t in lex(text) if t.kind is Kind.PARAMETER and t.text[0] == "$"]
    return max(numbers, default=0)


def value(data: bytes | None, oid: int, *, is_binary: bool) -> str | None:
    """Return a parameter's value as a text; raises RedshiftError for a form that is not here."""
    if data is None:
        return None
    try:
        if not is_binary:
            return data.decode()
        if oid not in BINARY:
            text = f"binary parameters of type {oid} are not supported by the local engine"
            raise RedshiftError("0A000", text, kind="unsupported")
        return BINARY[oid](data)
    except (struct.error, UnicodeDecodeError, IndexError):
        text = "incorrect binary data format in a bind parameter"
        raise RedshiftError("22P03", text) from None


def literal(text: str | None, oid: int = 0) -> str:
    """Return a parameter's value as a literal of SQL."""
    if text is None:
        return "NULL"
    if oid in (20, 21, 23) and re.fullmatch(r"-?\d{1,18}", text):
        return f"({text})" if text.startswith("-") else text
    quoted = "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
    return f"CAST({quoted} AS {CASTS[oid]})" if oid in CASTS else quoted


def bound(text: str, values: Sequence[str | None], oids: Sequence[int]) -> str:
    """Return a statement with literals in the place of `$1`, `$2`; raises RedshiftError."""

    def of(name: str) -> str:
        index = int(name[1:]) - 1
        if not name.startswith("$") or not 0 <= index < len(values):
            raise RedshiftError("42P02", f"there is no parameter {name}")
        return literal(values[index], oids[index] if index < len(oids) else 0)

    return replaced(text, of)


def named(text: str, values: Mapping[str, str]) -> str:
    """Return a statement with literals in the place of `:name`; raises RedshiftError."""

    def of(name: str) -> str:
        if not name.startswith(":") or name[1:] not in values:
            raise RedshiftError("42P02", f"there is no parameter {name}")
        return literal(values[name[1:]])

    return replaced(text, of)


def names(text: str) -> set[str]:
    """Return the names of a statement's parameters."""
    return {t.text[1:] for t in lex(text) if t.kind is Kind.PARAMETER and t.text[0] == ":"}


def replaced(text: str, of: Callable[[str], str]) -> str:
    """Return a statement whose parameters were replaced."""
    out, at = [], 0
    for token in lex(text):
        if token.kind is Kind.PARAMETER:
            out += [text[at : token.start], of(token.text)]
            at = token.end
    return "".join([*out, text[at:]])
