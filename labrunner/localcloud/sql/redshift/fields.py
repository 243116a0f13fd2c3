"""The fields of loaded files, one by one: what COPY makes of each, and why it cannot.

After "Load error reference", whose numbers the errors have. What is fast in DuckDB alone comes
here only when that fails.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal

from labrunner.localcloud.sql.datatypes import Type
from labrunner.localcloud.sql.redshift import formats, moments, udfs
from labrunner.localcloud.sql.redshift.catalog import Column
from labrunner.localcloud.sql.redshift.copyoptions import Copy

TRUE = frozenset({"t", "true", "y", "yes", "1"})
FALSE = frozenset({"f", "false", "n", "no", "0"})
WHOLE = {"smallint": ("Short", 15), "int": ("Integer", 31), "bigint": ("Long", 63)}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
SHORTEST_DATE = 10


class FieldError(Exception):
    """A field, or a whole line, that cannot be loaded; `column` is None for a line."""

    def __init__(
        self, code: int, why: str, column: Column | None = None, value: str = "", position: int = 0
    ) -> None:
        super().__init__(why)
        self.code = code
        self.why = why
        self.column = column
        self.value = value
        self.position = position


@dataclass(frozen=True)
class Fields:
    """Turns the fields of a line into what DuckDB casts without fail."""

    copy: Copy
    columns: tuple[Column, ...]

    def line(self, fields: Sequence[str | None]) -> list[str | None]:
        """Return a line's values; raises FieldError."""
        wanted = len(self.columns)
        listed = list(fields)
        if len(listed) == wanted + 1 and listed[-1] == "":
            listed.pop()  # a separator may also end a line
        if len(listed) > wanted:
            raise FieldError(1202, "Extra column(s) found")
        if len(listed) < wanted:
            if not self.copy.fill_record:
                last = self.columns[len(listed) - 1] if listed else None
                raise FieldError(1214, "Delimiter not found", last)
            listed += [None] * (wanted - len(listed))
        return [self.value(one, column) for one, column in zip(listed, self.columns, strict=True)]

    def value(self, text: str | None, column: Column) -> str | None:
        """Return a field's value; raises FieldError."""
        found = self._known(text, column)
        if found is None:
            if column.not_null:
                raise FieldError(1213, "Missing data for not-null field", column, text or "")
            return None
        try:
            return self._read(found, column.type)
        except FieldError as error:
            raise FieldError(error.code, error.why, column, found, error.position) from None

    def _known(self, text: str | None, column: Column) -> str | None:
        copy = self.copy
        if text is None or text == copy.null:
            return None
        if column.type.is_text:
            if (copy.empty_as_null and text == "") or (
                copy.blanks_as_null and text and not text.strip()
            ):
                return None
            return text.rstrip(" ") if copy.trim_blanks and column.type.name == "varchar" else text
        return text.strip(" ") or None

    def _read(self, text: str, kind: Type) -> str:
        if kind.is_text:
            return self._text(text, kind)
        if kind.is_integer:
            return _whole(text, kind)
        if kind.name == "decimal":
            return self._decimal(text, kind)
        if kind.name in ("float", "double"):
            if NUMBER.fullmatch(text) is None:
                raise FieldError(1208, f"Invalid data, Value '{text}', Type: Float")
            return text
        if kind.name == "boolean":
            if text.lower() in TRUE:
                return "true"
            if text.lower() in FALSE:
                return "false"
            raise FieldError(1210, "Unknown boolean format")
        if kind.name == "date":
            return self._date(text)
        return self._time(text, kind)

    def _text(self, text: str, kind: Type) -> str:
        size, length = len(text.encode()), kind.params[0]
        if kind.name == "char" and size != len(text):
            wrong = next(one for one in text if not one.isascii())
            why = (
                "Multibyte character not supported for CHAR (Hint: try using VARCHAR). Invalid "
                f"char: {wrong.encode().hex(' ')}"
            )
            raise FieldError(1216, why)
        if size > length:
            if len(text.rstrip(" ").encode()) <= length:
                return text[: length - size + len(text)]
            if not self.copy.truncate:
                why = (
                    "Char length exceeds DDL length"
                    if kind.name == "char"
                    else "String length exceeds DDL length"
                )
                raise FieldError(1204, why, position=length)
            text = udfs.cut(text, length)
        return text.rstrip(" ") if kind.name == "char" else text

    def _decimal(self, text: str, kind: Type) -> str:
        if NUMBER.fullmatch(text) is None:
            raise _invalid_digit(text, "Decimal")
        way = ROUND_HALF_UP if self.copy.round_decimals else ROUND_DOWN
        value = quantized(text, kind.scale, way)
        if abs(value) >= Decimal(10) ** (kind.precision - kind.scale):
            raise FieldError(1204, f"Overflow, Value '{text}', Type: Decimal")
        return f"{value:f}"

    def _date(self, text: str) -> str:
        form = self.copy.date_format
        try:
            if form == "auto":
                return moments.read(text).date().isoformat()
            if form:
                return formats.read(text, form, strict=True).date().isoformat()
            if len(text) < SHORTEST_DATE:
                raise FieldError(1205, "Invalid Date Format - length must be 10 or more")
            if DATE.match(text) is None:
                raise FieldError(1205, "Invalid Date Format [YYYY-MM-DD]")
            return moments.read(text[:SHORTEST_DATE]).date().isoformat()
        except (moments.NoMomentError, formats.FormatError):
            raise FieldError(1205, f"Invalid Date Format [{form or 'YYYY-MM-DD'}]") from None

    def _time(self, text: str, kind: Type) -> str:
        form = self.copy.time_format
        try:
            if kind.name == "time":
                return moments.read_time(text).isoformat()
            if form in ("epochsecs", "epochmillisecs"):
                micro = Decimal(text) * (1_000_000 if form == "epochsecs" else 1000)
                found = moments.read("epoch") + _micro(int(micro))
            elif form and form != "auto":
                found = formats.read(text, form, strict=True)
            else:
                found = _moment(text, kind, any_form=bool(form))
        except (moments.NoMomentError, formats.FormatError, ArithmeticError):
            shown = form or "YYYY-MM-DD HH24:MI:SS"
            raise FieldError(1206, f"Invalid timestamp format or value [{shown}]") from None
        return found.isoformat(sep=" ")


def _moment(text: str, kind: Type, *, any_form: bool) -> datetime:
    if not any_form and DATE.match(text) is None:
        raise moments.NoMomentError(text)
    return moments.read_zoned(text) if kind.name == "timestamptz" else moments.read(text)


def _micro(count: int) -> timedelta:
    return timedelta(microseconds=count)


def quantized(text: str, scale: int, way: str) -> Decimal:
    """Return a number with so many digits after the point."""
    return Decimal(text).quantize(
        Decimal(1).scaleb(-scale), rounding=way, context=Context(prec=400)
    )


def _whole(text: str, kind: Type) -> str:
    name, bits = WHOLE[kind.name]
    if re.fullmatch(r"[+-]?\d+", text) is None:
        raise _invalid_digit(text, name)
    if not -(1 << bits) <= int(text) < 1 << bits:
        raise FieldError(1204, f"Overflow, Value '{text}', Type: {name}")
    return str(int(text))


def _invalid_digit(text: str, name: str) -> FieldError:
    allowed = "+-0123456789." if name == "Decimal" else "+-0123456789"
    position = next((i for i, one in enumerate(text) if one not in allowed), 0)
    why = f"Invalid digit, Value '{text[position]}', Pos {position}, Type: {name}"
    return FieldError(1207, why, position=position)
