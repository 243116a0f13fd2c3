"""The records of files that were brought here: text with separators, CSV, and JSON."""

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labrunner.localcloud.sql.redshift.catalog import Column
from labrunner.localcloud.sql.redshift.copyoptions import Copy
from labrunner.localcloud.sql.redshift.fields import FieldError

CHUNK = 1 << 20
MAX_RECORD = 4 << 20  # "the maximum size of a single input row from any source is 4 MB"


@dataclass(frozen=True)
class Record:
    """A record: the number of its first line, its text, and its fields or why it has none."""

    line: int
    raw: str
    fields: tuple[str | None, ...] = ()
    error: FieldError | None = None


def records(path: Path, copy: Copy, columns: tuple[Column, ...]) -> Iterator[Record]:
    """Yield a file's records."""
    if copy.format == "JSON":
        yield from _json_records(path, copy, columns)
        return
    for line, data in _lines(path, copy):
        raw, error = _decoded(data, copy)
        if error is not None:
            yield Record(line, raw, error=error)
            continue
        if not raw.strip("\r") and (copy.ignore_blank_lines or not raw):
            if copy.ignore_blank_lines:
                continue
            if len(columns) > 1:
                why = FieldError(1214, "Delimiter not found", columns[0])
                yield Record(line, raw, error=why)
                continue
        raw = raw.removesuffix("\r")
        try:
            fields = tuple(_csv(raw, copy) if copy.format == "CSV" else _text(raw, copy))
        except FieldError as failure:
            yield Record(line, raw, error=failure)
            continue
        yield Record(line, raw, fields)


def _decoded(data: bytes, copy: Copy) -> tuple[str, FieldError | None]:
    try:
        return data.decode(), None
    except UnicodeDecodeError as error:
        if copy.accept_invalid:
            handler = _replacing(copy.accept_invalid)
            return data.decode(errors=handler), None
        bad = data[error.start : error.start + 4].hex(" ")
        why = (
            "String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: "
            f"{bad} (error 3)"
        )
        return data.decode(errors="replace"), FieldError(1220, why)


def _replacing(sign: str) -> str:
    """Return the name of a handler that replaces each invalid byte by a sign."""
    name = f"labrunner-copy-{ord(sign)}"
    codecs.register_error(
        name,
        lambda error: (sign * (error.end - error.start), error.end),  # type: ignore[attr-defined]
    )
    return name


def _lines(path: Path, copy: Copy) -> Iterator[tuple[int, bytes]]:
    """Yield records as bytes, with the number of their first line, from 1."""
    held: list[bytes] = []
    first = number = copy.skip
    with path.open("rb") as stream:
        for line in stream:
            number += 1
            first = first if held else number
            held.append(line)
            whole = b"".join(held)
            if len(whole) > MAX_RECORD:
                yield first, whole[:1024]
                held = []
            elif _is_complete(whole, copy):
                yield first, whole.removesuffix(b"\n")
                held = []
    if held:
        yield first, b"".join(held).removesuffix(b"\n")


def _is_complete(data: bytes, copy: Copy) -> bool:
    """Whether a record ends with this line: not within quotes, and not behind a backslash."""
    if copy.format == "CSV":
        return data.count(copy.quote.encode()) % 2 == 0
    if copy.escape:
        body = data.removesuffix(b"\n")
        return (len(body) - len(body.rstrip(b"\\"))) % 2 == 0
    return True


def _csv(raw: str, copy: Copy) -> Iterator[str | None]:
    """Yield the fields of a CSV record; a quote is doubled within quotes."""
    at, quote, delimiter = 0, copy.quote, copy.delimiter
    while True:
        if raw.startswith(quote, at):
            parts, at = [], at + 1
            while True:
                end = raw.find(quote, at)
                if end < 0:
                    raise FieldError(1216, "Invalid quote formatting for CSV. Unterminated quote")
                parts.append(raw[at:end])
                at = end + 1
                if not raw.startswith(quote, at):
                    break
                parts.append(quote)
                at += 1
            yield "".join(parts)
            if at < len(raw) and raw[at] != delimiter:
                raise FieldError(1216, "Invalid quote formatting for CSV")
        else:
            end = raw.find(delimiter, at)
            end = len(raw) if end < 0 else end
            field = raw[at:end]
            if quote in field:
                raise FieldError(1216, "Invalid quote formatting for CSV")
            yield field
            at = end
        if at >= len(raw):
            return
        at += 1
        if at == len(raw):
            yield ""
            return


def _text(raw: str, copy: Copy) -> Iterator[str | None]:
    """Yield the fields of a line with separators, with ESCAPE and REMOVEQUOTES."""
    if not copy.escape and not copy.remove_quotes:
        yield from raw.split(copy.delimiter)
        return
    at = 0
    while True:
        field, at = _field(raw, at, copy)
        yield field
        if at >= len(raw):
            return
        at += 1
        if at == len(raw):
            yield ""
            return


def _field(raw: str, at: int, copy: Copy) -> tuple[str, int]:
    sign = raw[at] if copy.remove_quotes and at < len(raw) and raw[at] in "'\"" else ""
    start = at = at + 1 if sign else at
    out = []
    while at < len(raw):
        char = raw[at]
        if copy.escape and char == "\\" and at + 1 < len(raw):
            # The null string `\N` may stand as it is.
            out.append("\\N" if raw[at + 1] == "N" and at == start else raw[at + 1])
            at += 2
            continue
        if sign and char == sign:
            after = at + 1
            if after < len(raw) and raw[after] != copy.delimiter:
                raise FieldError(1216, "Delimited value missing end quote")
            return "".join(out), after
        if not sign and char == copy.delimiter:
            return "".join(out), at
        out.append(char)
        at += 1
    if sign:
        raise FieldError(1216, "Delimited value missing end quote")
    return "".join(out), at


# ---- JSON


def _json_records(path: Path, copy: Copy, columns: tuple[Column, ...]) -> Iterator[Record]:
    """Yield the objects of a file that follow one another."""
    decoder = json.JSONDecoder(parse_float=str, parse_int=str)
    with path.open(encoding="utf-8", errors="replace") as stream:
        held, line = "", 1
        while True:
            data = stream.read(CHUNK)
            held += data
            at = 0
            while True:
                start = _after_space(held, at)
                if start == len(held):
                    at = start
                    break
                try:
                    value, end = decoder.raw_decode(held, start)
                except (ValueError, RecursionError):
                    if data and len(held) - start < MAX_RECORD:
                        break
                    why = FieldError(1224, "Invalid JSON formatting. Invalid object")
                    yield Record(
                        line + held.count("\n", 0, start), held[start : start + 1024], error=why
                    )
                    return
                yield _object(
                    value, line + held.count("\n", 0, start), held[start:end], copy, columns
                )
                at = end
            line += held.count("\n", 0, at)
            held = held[at:]
            if not data:
                return


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _object(value: object, line: int, raw: str, copy: Copy, columns: tuple[Column, ...]) -> Record:
    if not isinstance(value, dict):
        return Record(line, raw, error=FieldError(1216, "Invalid JSON: an object is expected"))
    if copy.json == "auto ignorecase":
        value = {name.lower(): one for name, one in value.items()}
    return Record(line, raw, tuple(_member(value.get(one.name)) for one in columns))


def _member(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
