"""Functions of Redshift that are done in Python, each given to DuckDB under a name `rs_...`."""

import functools
import hashlib
import json
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from labrunner.localcloud.sql.redshift import formats, moments

if TYPE_CHECKING:
    import duckdb

SOUNDS = {
    c: d for d, cs in enumerate(["AEIOUY", "BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"]) for c in cs
}


class FunctionError(Exception):
    """What a function fails with; the warehouse reads the SQLSTATE from its text."""

    def __init__(self, state: str, why: str) -> None:
        super().__init__(f"RS:{state}:{why}")


def cut(text: str, length: int) -> str:
    """Return as much of a text as fits into so many bytes."""
    return text.encode()[:length].decode(errors="ignore")


def real_text(value: float, digits: int) -> str:
    """Return a real number as PostgreSQL writes it."""
    if value != value:  # noqa: PLR0124 - NaN
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return re.sub(r"e([+-])(\d)$", r"e\g<1>0\2", f"{value:.{digits}g}")


def _moment_error(kind: str, text: str, error: moments.NoMomentError) -> FunctionError:
    if "time zone" in str(error):
        return FunctionError("22023", str(error))
    if error.is_range:
        return FunctionError("22008", f'date/time field value out of range: "{text}"')
    return FunctionError("22007", f'invalid input syntax for type {kind}: "{text}"')


def to_date(text: str) -> date:
    """CAST(text AS DATE)."""
    try:
        return moments.read(text).date()
    except moments.NoMomentError as error:
        raise _moment_error("date", text, error) from None


def to_moment(text: str, zoned: bool) -> datetime:  # noqa: FBT001 - DuckDB gives it by place
    """CAST(text AS TIMESTAMP) and TIMESTAMPTZ."""
    try:
        return moments.read_zoned(text) if zoned else moments.read(text)
    except moments.NoMomentError as error:
        kind = "timestamp with time zone" if zoned else "timestamp"
        raise _moment_error(kind, text, error) from None


def to_time(text: str) -> time:
    """CAST(text AS TIME)."""
    try:
        return moments.read_time(text)
    except moments.NoMomentError as error:
        raise _moment_error("time", text, error) from None


def shifted(moment: datetime, zone: str, to_utc: bool) -> datetime:  # noqa: FBT001
    """Return a local time of a zone in UTC, or the other way."""
    try:
        if to_utc:
            return moment - moments.zone_offset(zone, moment)
        if zone.lower() in moments.ZONES or zone[:1] in "+-":
            return moment + moments.zone_offset(zone, moment)
        from datetime import UTC

        local = moment.replace(tzinfo=UTC).astimezone(moments.zone(zone))
        return local.replace(tzinfo=None)
    except moments.NoMomentError as error:
        raise FunctionError("22023", str(error)) from None


def _formatted(run: Callable[[], Any]) -> Any:
    try:
        return run()
    except formats.FormatError as error:
        raise FunctionError("22007", str(error)) from None


def char_of_moment(moment: datetime, pattern: str) -> str:
    """to_char(timestamp, format)."""
    return str(_formatted(lambda: formats.written(moment, pattern)))


def char_of_number(text: str, pattern: str) -> str:
    """to_char(number, format)."""
    return str(_formatted(lambda: formats.number_written(Decimal(text), pattern)))


def moment_by(text: str, pattern: str, strict: bool) -> datetime:  # noqa: FBT001
    """to_timestamp(text, format), and what to_date makes a date of."""
    found: datetime = _formatted(lambda: formats.read(text, pattern, strict=strict))
    return found


def number_by(text: str, pattern: str) -> str:
    """to_number(text, format)."""
    return str(_formatted(lambda: formats.number_read(text, pattern)))


# ---- texts


def initcap(text: str) -> str:
    """Return each word with its first letter as a capital."""
    return re.sub(r"[^\W_]+", lambda m: m[0][0].upper() + m[0][1:].lower(), text)


def soundex(text: str) -> str:
    """Return American Soundex, of which H and W do not part equal sounds."""
    letters = [c for c in text.upper() if c.isascii() and c.isalpha()]
    if not letters:
        return ""
    out, last = letters[0], SOUNDS.get(letters[0], 0)
    for letter in letters[1:]:
        sound = SOUNDS.get(letter)
        if sound is None:
            continue
        if sound and sound != last:
            out += str(sound)
        last = sound
    return out[:4].ljust(4, "0")


def translate(text: str, old: str, new: str) -> str:
    """Replace each character of one list by that of the other, or leave it out."""
    table: dict[int, str | None] = {}
    for index, char in enumerate(old):
        table.setdefault(ord(char), new[index] if index < len(new) else None)
    return text.translate(table)


def strtol(text: str, base: int) -> int:
    """Return a whole number of a base from 2 to 36."""
    try:
        found = int(text.strip(), base)
    except ValueError:
        why = f"The input {text} is not valid to be converted to base {base}"
        raise FunctionError("22023", why) from None
    if not -(1 << 63) <= found < 1 << 63:
        raise FunctionError("22003", "bigint out of range")
    return found


def sha2(text: str, bits: int) -> str | None:
    """Return a hash of the SHA-2 family; 0 is 256."""
    names = {0: "sha256", 224: "sha224", 256: "sha256", 384: "sha384", 512: "sha512"}
    return hashlib.new(names[bits], text.encode()).hexdigest() if bits in names else None


@functools.cache
def _castagnoli() -> list[int]:
    table = []
    for index in range(256):
        value = index
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


def crc32(text: str) -> str:
    """Return the CRC-32C in hexadecimal digits, which the guide's example is."""
    value, table = 0xFFFFFFFF, _castagnoli()
    for byte in text.encode():
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return f"{value ^ 0xFFFFFFFF:08x}"


def quote_ident(text: str) -> str:
    """Return a name with the quotes that it needs."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", text):
        return text
    return '"' + text.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """Return a text as a literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


# ---- regular expressions


@functools.lru_cache(maxsize=256)
def _pattern(text: str, flags: str) -> re.Pattern[str]:
    for flag in flags:
        if flag not in "cipe":
            raise FunctionError("22023", f"Invalid regular expression flag: {flag}")
    if "p" not in flags and re.search(r"\(\?|\\[1-9]|[*+?}]\?|[*+?}]\+", text):
        why = "this regular expression without the flag 'p' is not supported by the local engine"
        raise FunctionError("0A000", why)
    classes = {
        "alpha": "A-Za-z", "digit": "0-9", "alnum": "A-Za-z0-9", "upper": "A-Z", "lower": "a-z",
        "space": r"\s", "punct": re.escape(r"""!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"""),
        "xdigit": "0-9A-Fa-f", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f",
    }  # fmt: skip
    ready = re.sub(r"\[:(\w+):\]", lambda m: classes.get(m[1], m[0]), text)
    try:
        return re.compile(ready, re.IGNORECASE if "i" in flags else 0)
    except re.error as error:
        raise FunctionError("2201B", f"Invalid regular expression: {error}") from None


def _matches(text: str, pattern: str, position: int, flags: str) -> list[re.Match[str]]:
    if position < 1:
        raise FunctionError("22023", "Start position must be greater than 0")
    found = _pattern(pattern, flags).finditer(text, position - 1)
    return [one for one in found if one[0]]


def regexp_count(text: str, pattern: str, position: int, flags: str) -> int:
    """Return how often a pattern is found."""
    return len(_matches(text, pattern, position, flags))


def regexp_instr(  # noqa: PLR0913 - Redshift's arguments
    text: str, pattern: str, position: int, occurrence: int, option: int, flags: str
) -> int:
    """Return where a pattern is found, from 1; 0 where it is not."""
    found = _matches(text, pattern, position, flags)
    if not 1 <= occurrence <= len(found):
        return 0
    match = found[occurrence - 1]
    group = 1 if "e" in flags and match.re.groups else 0
    return (match.end(group) if option else match.start(group)) + 1


def regexp_substr(text: str, pattern: str, position: int, occurrence: int, flags: str) -> str:
    """Return what a pattern finds, or an empty text."""
    found = _matches(text, pattern, position, flags)
    if not 1 <= occurrence <= len(found):
        return ""
    match = found[occurrence - 1]
    return match[1 if "e" in flags and match.re.groups else 0] or ""


def regexp_replace(text: str, pattern: str, new: str, position: int, flags: str) -> str:
    """Replace every match; `$1` in the new text is a group."""
    if position < 1:
        raise FunctionError("22023", "Start position must be greater than 0")

    def expand(match: re.Match[str]) -> str:
        def group(mark: re.Match[str]) -> str:
            number = int(mark[1])
            return (match[number] or "") if number <= match.re.groups else mark[0]

        return re.sub(r"\$(\d)", group, new)

    head, tail = text[: position - 1], text[position - 1 :]
    return head + _pattern(pattern, flags).sub(expand, tail)


# ---- JSON


class _Text(str):
    """A number as it was written."""

    __slots__ = ()


def _loaded(text: str, null_if_invalid: bool) -> Any:  # noqa: FBT001
    try:
        return json.loads(text, parse_float=_Text, parse_int=_Text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        if null_if_invalid:
            return _Text("")
        raise FunctionError("22P02", f"JSON parsing error: invalid JSON object {text}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _shown(value: Any) -> str | None:
    if isinstance(value, str):
        return str(value)
    if value is None:
        return None
    return _dumped(value)


def _dumped(value: Any) -> str:
    if isinstance(value, _Text):
        return str(value)
    if isinstance(value, dict):
        pairs = ",".join(
            f"{json.dumps(k, ensure_ascii=False)}:{_dumped(v)}" for k, v in value.items()
        )
        return f"{{{pairs}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_dumped, value))}]"
    return json.dumps(value, ensure_ascii=False)


def json_path(text: str, path: list[str], null_if_invalid: bool) -> str | None:  # noqa: FBT001
    """json_extract_path_text(json, name...): NULL where there is nothing."""
    value = _loaded(text, null_if_invalid)
    if isinstance(value, _Text) and null_if_invalid and not value:
        return None
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return _shown(value)


def json_element(text: str, index: int, null_if_invalid: bool) -> str | None:  # noqa: FBT001
    """json_extract_array_element_text(json, index): NULL outside of the array."""
    value = _loaded(text, null_if_invalid)
    if not isinstance(value, list):
        if null_if_invalid:
            return None
        raise FunctionError("22P02", f"JSON parsing error: invalid JSON array {text}")
    return _shown(value[index]) if 0 <= index < len(value) else None


def json_length(text: str, null_if_invalid: bool) -> int | None:  # noqa: FBT001
    """json_array_length(json)."""
    value = _loaded(text, null_if_invalid)
    if not isinstance(value, list):
        if null_if_invalid:
            return None
        raise FunctionError("22P02", f"JSON parsing error: invalid JSON array {text}")
    return len(value)


def is_json(text: str, is_array: bool) -> bool:  # noqa: FBT001
    """is_valid_json and is_valid_json_array."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, list if is_array else dict)


def interval_text(span: timedelta) -> str:
    """Return the time between two as PostgreSQL writes it, `1 day 02:00:00`."""
    micro = round(span.total_seconds() * 1_000_000)
    sign, micro = ("-" if micro < 0 else ""), abs(micro)
    days, rest = divmod(micro, 86_400_000_000)
    seconds, fraction = divmod(rest, 1_000_000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    text += f".{fraction:06}".rstrip("0") if fraction else ""
    if not days:
        return f"{sign}{text}"
    word = "day" if days == 1 and not sign else "days"
    return f"{sign}{days} {word}" + (f" {sign}{text}" if rest else "")


def install(connection: "duckdb.DuckDBPyConnection") -> None:
    """Give the functions to DuckDB."""
    from duckdb.func import FunctionNullHandling

    text, whole, truth = "VARCHAR", "INTEGER", "BOOLEAN"
    for name, function, takes, gives in (
        ("rs_cut", cut, [text, whole], text),
        ("rs_real_text", real_text, ["DOUBLE", whole], text),
        ("rs_date", to_date, [text], "DATE"),
        ("rs_moment", to_moment, [text, truth], "TIMESTAMP"),
        ("rs_time", to_time, [text], "TIME"),
        ("rs_shifted", shifted, ["TIMESTAMP", text, truth], "TIMESTAMP"),
        ("rs_char_of_moment", char_of_moment, ["TIMESTAMP", text], text),
        ("rs_char_of_number", char_of_number, [text, text], text),
        ("rs_moment_by", moment_by, [text, text, truth], "TIMESTAMP"),
        ("rs_number_by", number_by, [text, text], text),
        ("rs_initcap", initcap, [text], text),
        ("rs_soundex", soundex, [text], text),
        ("rs_translate", translate, [text, text, text], text),
        ("rs_strtol", strtol, [text, whole], "BIGINT"),
        ("rs_sha2", sha2, [text, whole], text),
        ("rs_crc32", crc32, [text], text),
        ("rs_quote_ident", quote_ident, [text], text),
        ("rs_quote_literal", quote_literal, [text], text),
        ("rs_regexp_count", regexp_count, [text, text, whole, text], whole),
        ("rs_regexp_instr", regexp_instr, [text, text, whole, whole, whole, text], whole),
        ("rs_regexp_substr", regexp_substr, [text, text, whole, whole, text], text),
        ("rs_regexp_replace", regexp_replace, [text, text, text, whole, text], text),
        ("rs_json_path", json_path, [text, "VARCHAR[]", truth], text),
        ("rs_json_element", json_element, [text, whole, truth], text),
        ("rs_json_length", json_length, [text, truth], whole),
        ("rs_is_json", is_json, [text, truth], truth),
    ):
        kinds: list[Any] = list(takes)
        connection.create_function(
            name, _of_known(function), kinds, gives, null_handling=FunctionNullHandling.SPECIAL
        )


def _of_known(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is NULL of NULL, and may itself be NULL of anything."""

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        return None if None in arguments else function(*arguments)

    return call
