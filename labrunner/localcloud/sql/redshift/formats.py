"""What TO_CHAR, TO_DATE, TO_TIMESTAMP and TO_NUMBER read and write.

After "Datetime format strings" and "Numeric format strings".
"""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from labrunner.localcloud.sql.redshift.moments import MONTHS as MONTH_NUMBERS

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ROMAN = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
         (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))  # fmt: skip
# The longest first, as a pattern takes what it can.
KEYS = re.compile(
    r'"[^"]*"|FM|Y,YYY|YYYY|YYY|YY|Y|IYYY|IYY|IY|BC|AD|B\.C\.|A\.D\.|CC|MONTH|MON|MM|RM|DAY|DDD|DD|'
    r"DY|D|ID|IW|WW|W|Q|J|HH24|HH12|HH|MI|SSSS|SS|MS|US|AM|PM|A\.M\.|P\.M\.|TZ|OF|TH|.",
    re.IGNORECASE | re.DOTALL,
)


class FormatError(ValueError):
    """A format that is not here, or a text that does not follow its format."""


@dataclass(frozen=True)
class Key:
    """A piece of a pattern as it was written."""

    name: str
    text: str

    @property
    def cased(self) -> Callable[[str], str]:
        """How its letters are written: like those of the key."""
        if self.text.isupper():
            return str.upper
        return str.title if self.text[0].isupper() else str.lower


@functools.lru_cache(maxsize=256)
def keys(pattern: str) -> tuple[Key, ...]:
    """Return the pieces of a pattern."""
    return tuple(Key(one.upper(), one) for one in KEYS.findall(pattern))


def written(moment: datetime, pattern: str) -> str:
    """Return a time as TO_CHAR writes it; raises FormatError."""
    out: list[str] = []
    fill = True
    for key in keys(pattern):
        if key.name == "FM":
            fill = False
            continue
        if key.name == "TH":
            out.append(key.cased(_ordinal("".join(out))))
            continue
        out.append(_written(moment, key, fill=fill))
        fill = True
    return "".join(out)


def _ordinal(before: str) -> str:
    found = re.search(r"(\d+)$", before)
    number = int(found[1]) if found else 0
    if number % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _written(moment: datetime, key: Key, *, fill: bool) -> str:  # noqa: C901 - a key a branch
    name = key.name
    if name.startswith('"'):
        return key.text[1:-1]
    if name in NUMBERS:
        value, width = NUMBERS[name](moment)
        return f"{value:0{width}d}" if fill else str(value)
    if name in ("MONTH", "DAY"):
        word = MONTHS[moment.month - 1] if name == "MONTH" else DAYS[moment.weekday()]
        return key.cased(word).ljust(9) if fill else key.cased(word)
    if name in ("MON", "DY"):
        return key.cased(
            (MONTHS[moment.month - 1] if name == "MON" else DAYS[moment.weekday()])[:3]
        )
    if name in ("AM", "PM", "A.M.", "P.M."):
        half = "am" if moment.hour < 12 else "pm"  # noqa: PLR2004
        half = f"{half[0]}.m." if "." in name else half
        return half.upper() if key.text[0].isupper() else half
    if name in ("AD", "BC", "A.D.", "B.C."):
        return key.text.replace("B", "A").replace("C", "D").replace("b", "a").replace("c", "d")
    if name == "RM":
        number = roman(moment.month)
        return (number if key.text[0].isupper() else number.lower()).ljust(4 if fill else 0)
    if name == "Y,YYY":
        return f"{moment.year // 1000},{moment.year % 1000:03d}"
    if name == "TZ":
        return "UTC" if key.text[0].isupper() else "utc"
    if name == "OF":
        return "+00"
    return key.text


def _iso(index: int) -> Callable[[datetime], int]:
    return lambda moment: moment.isocalendar()[index]


NUMBERS: dict[str, Callable[[datetime], tuple[int, int]]] = {
    "YYYY": lambda t: (t.year, 4),
    "YYY": lambda t: (t.year % 1000, 3),
    "YY": lambda t: (t.year % 100, 2),
    "Y": lambda t: (t.year % 10, 1),
    "IYYY": lambda t: (_iso(0)(t), 4),
    "IYY": lambda t: (_iso(0)(t) % 1000, 3),
    "IY": lambda t: (_iso(0)(t) % 100, 2),
    "CC": lambda t: ((t.year + 99) // 100, 2),
    "MM": lambda t: (t.month, 2),
    "DDD": lambda t: (t.timetuple().tm_yday, 3),
    "DD": lambda t: (t.day, 2),
    "D": lambda t: (t.isoweekday() % 7 + 1, 1),
    "ID": lambda t: (t.isoweekday(), 1),
    "IW": lambda t: (_iso(1)(t), 2),
    "WW": lambda t: ((t.timetuple().tm_yday - 1) // 7 + 1, 2),
    "W": lambda t: ((t.day - 1) // 7 + 1, 1),
    "Q": lambda t: ((t.month - 1) // 3 + 1, 1),
    "J": lambda t: (t.toordinal() + 1721425, 1),
    "HH24": lambda t: (t.hour, 2),
    "HH12": lambda t: ((t.hour + 11) % 12 + 1, 2),
    "HH": lambda t: ((t.hour + 11) % 12 + 1, 2),
    "MI": lambda t: (t.minute, 2),
    "SS": lambda t: (t.second, 2),
    "SSSS": lambda t: (t.hour * 3600 + t.minute * 60 + t.second, 1),
    "MS": lambda t: (t.microsecond // 1000, 3),
    "US": lambda t: (t.microsecond, 6),
}


def roman(number: int) -> str:
    """Return a number in Roman numerals."""
    out = ""
    for value, letters in ROMAN:
        while number >= value:
            out, number = out + letters, number - value
    return out


# ---- reading times

WIDTHS = {
    "YYYY": 4, "YYY": 3, "YY": 2, "Y": 1, "MM": 2, "DDD": 3, "DD": 2, "HH24": 2, "HH12": 2,
    "HH": 2, "MI": 2, "SS": 2, "MS": 3, "US": 6, "SSSS": 5,
}  # fmt: skip
UNREAD = frozenset(
    [
        "IYYY",
        "IYY",
        "IY",
        "BC",
        "B.C.",
        "CC",
        "RM",
        "D",
        "ID",
        "IW",
        "WW",
        "W",
        "Q",
        "J",
        "OF",
        "Y,YYY",
        "TH",
    ]
)


def read(text: str, pattern: str, *, strict: bool) -> datetime:
    """Return the time that a text is by a pattern; raises FormatError.

    Unless strict, fields that are out of their range run over into the next.
    """
    fields: dict[str, int] = {}
    at = 0
    pieces = keys(pattern)
    for index, key in enumerate(pieces):
        if key.name == "FM":
            continue
        if key.name in UNREAD:
            raise FormatError(f"the format {key.text} to read a time is not supported")
        adjoins = index + 1 < len(pieces) and pieces[index + 1].name in WIDTHS
        at = _read(text, at, key, fields, adjoins=adjoins)
    return _moment(fields, strict=strict)


def _read(  # noqa: C901 - a kind of key a branch
    text: str, at: int, key: Key, fields: dict[str, int], *, adjoins: bool
) -> int:
    name = key.name
    if name in WIDTHS:
        while at < len(text) and text[at] == " ":
            at += 1
        width = WIDTHS[name] if adjoins or name != "YYYY" else 9
        found = re.compile(rf"\d{{1,{width}}}").match(text, at)
        if found is None:
            if at >= len(text):
                return at
            raise FormatError(f'invalid value for "{key.text}" in "{text}"')
        number = int(found[0])
        if name in ("MS", "US"):
            number = int(found[0].ljust(WIDTHS[name], "0"))
        fields[name] = number
        return found.end()
    if name in ("MONTH", "MON", "DAY", "DY"):
        found = re.compile(r"\s*([A-Za-z]+)").match(text, at)
        if found is None:
            raise FormatError(f'invalid value for {key.text} in "{text}"')
        if name in ("MONTH", "MON"):
            number = MONTH_NUMBERS.get(found[1].lower(), 0)
            if not number:
                raise FormatError(f'invalid value for {key.text} in "{text}"')
            fields["MM"] = number
        return found.end()
    if name in ("AM", "PM", "A.M.", "P.M."):
        found = re.compile(r"\s*([AaPp])\.?[Mm]\.?").match(text, at)
        if found is None:
            raise FormatError(f'invalid AM/PM string in "{text}"')
        fields["PM"] = int(found[1] in "Pp")
        return found.end()
    if name == "TZ":
        return len(text)
    width = len(key.text) - 2 if key.text.startswith('"') else 1
    return min(len(text), at + width)


def _moment(fields: dict[str, int], *, strict: bool) -> datetime:
    year = fields.get("YYYY", 1)
    for name, base in (("YYY", 1000), ("YY", 100), ("Y", 10)):
        if name in fields:
            year = fields[name]
            if base == 100:  # noqa: PLR2004
                year += 2000 if year < 70 else 1900  # noqa: PLR2004
            else:
                raise FormatError(f"the format {name} to read a year is not supported")
    month, day = fields.get("MM", 1), fields.get("DD", 1)
    hour = fields.get("HH24", fields.get("HH12", fields.get("HH", 0)))
    if "PM" in fields:
        hour = hour % 12 + 12 * fields["PM"]
    minute, second = fields.get("MI", 0), fields.get("SS", 0)
    micro = fields.get("MS", 0) * 1000 + fields.get("US", 0)
    if strict or not 1 <= month <= 12 or not 1 <= day <= 31:  # noqa: PLR2004
        _expect_valid(year, month, day, hour, minute, second)
    try:
        start = date(year, month, 1)
        if "DDD" in fields:
            start, day = date(year, 1, 1), fields["DDD"]
        moment = datetime(start.year, start.month, 1)  # noqa: DTZ001
        span = timedelta(
            days=day - 1, hours=hour, minutes=minute, seconds=second, microseconds=micro
        )
        moment += span
        if "SSSS" in fields:
            moment += timedelta(seconds=fields["SSSS"])
    except (ValueError, OverflowError):
        raise FormatError(
            f"date/time field date value out of range: {year}-{month}-{day}"
        ) from None
    return moment


def _expect_valid(  # noqa: PLR0913 - the fields of a time
    year: int, month: int, day: int, hour: int, minute: int, second: int
) -> None:
    try:
        date(year, month, day)
    except ValueError:
        text = f"date/time field date value out of range: {year}-{month}-{day}"
        raise FormatError(text) from None
    if hour > 23 or minute > 59 or second > 59:  # noqa: PLR2004
        text = f"date/time field time value out of range: {hour}:{minute}:{second}.0"
        raise FormatError(text)


# ---- numbers

NUMERIC = re.compile(
    r"9|0|\.|,|D|G|MI|PL|SG|PR|S|L|\$|RN|FM|V|EEEE|TH|.", re.IGNORECASE | re.DOTALL
)
MOST_ROMAN = 3999


def number_written(value: Decimal, pattern: str) -> str:
    """Return a number as TO_CHAR writes it; raises FormatError."""
    pieces = [one.upper() for one in NUMERIC.findall(pattern)]
    fill = "FM" not in pieces
    pieces = [one for one in pieces if one != "FM"]
    if "RN" in pieces:
        number = int(value.quantize(Decimal(1), ROUND_HALF_UP))
        text = roman(number) if 0 < number <= MOST_ROMAN else "#" * 15
        text = text if "RN" in pattern else text.lower()
        return text.rjust(15) if fill else text
    for one in ("V", "EEEE", "TH", "SG", "PL"):
        if one in pieces:
            raise FormatError(f"the numeric format {one} is not supported")
    return _digits(value, pieces, fill=fill)


def _digits(value: Decimal, pieces: list[str], *, fill: bool) -> str:
    point = next((i for i, one in enumerate(pieces) if one in (".", "D")), len(pieces))
    places = sum(one in "90" for one in pieces[point:] if one in ("9", "0"))
    wholes = [one for one in pieces[:point] if one in ("9", "0")]
    rounded = abs(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    text = f"{rounded:f}"
    whole, _, fraction = text.partition(".")
    whole = "" if whole == "0" and wholes and "0" not in wholes and places else whole
    if len(whole) > len(wholes):
        whole, fraction = "#" * len(wholes), "#" * places
    padded = whole.rjust(len(wholes))
    first_zero = wholes.index("0") if "0" in wholes else len(wholes)
    padded = "".join(
        "0" if char == " " and index >= first_zero else char for index, char in enumerate(padded)
    )
    return _laid_out(value < 0, pieces, padded, fraction, fill=fill)


def _laid_out(negative: bool, pieces: list[str], whole: str, fraction: str, *, fill: bool) -> str:  # noqa: FBT001
    out, digits, started = [], iter(whole + fraction), False
    signed = {"S", "MI", "PR"} & set(pieces)
    for one in pieces:
        if one in ("9", "0"):
            char = next(digits)
            if char != " " and not started:
                started = True
                out.append("\x01")
            out.append(char)
        elif one in (",", "G"):
            out.append("," if started else " ")
        elif one in (".", "D"):
            if not started:
                started = True
                out.append("\x01")
            out.append(".")
        elif one in ("L", "$"):
            out.append("$")
        elif one not in ("S", "MI", "PR"):
            out.append(one)
    text = "".join(out)
    if "\x01" not in text:
        text = f"{text}\x01"
    return _signed(text, pieces, signed, negative=negative, fill=fill)


def _signed(text: str, pieces: list[str], signed: set[str], *, negative: bool, fill: bool) -> str:
    head, _, tail = text.partition("\x01")
    if "PR" in signed:
        head, tail = (f"{head}<", f"{tail}>") if negative else (f"{head} ", f"{tail} ")
    elif "S" in signed and pieces[-1] == "S":
        tail += "-" if negative else "+"
    elif "S" in signed:
        head += "-" if negative else "+"
    elif "MI" in signed:
        sign = "-" if negative else " "
        head, tail = (f"{sign}{head}", tail) if pieces[0] == "MI" else (head, f"{tail}{sign}")
    else:
        head += "-" if negative else " "
    found = head + tail
    return found if fill else found.strip(" ")


def number_read(text: str, pattern: str) -> Decimal:
    """Return the number that a text is by a pattern; raises FormatError."""
    pieces = [one.upper() for one in NUMERIC.findall(pattern)]
    for one in ("V", "EEEE", "TH", "RN"):
        if one in pieces:
            raise FormatError(f"the numeric format {one} is not supported")
    negative = "-" in text or ("PR" in pieces and "<" in text)
    digits = re.sub(r"[^0-9.]", "", text.replace(",", ""))
    if not digits.strip("."):
        raise FormatError(f'invalid input syntax for type numeric: "{text}"')
    point = next((i for i, one in enumerate(pieces) if one in (".", "D")), len(pieces))
    whole, _, fraction = digits.partition(".")
    if "." in fraction or len(whole) > sum(one in ("9", "0") for one in pieces[:point]):
        raise FormatError(f'"{text}" does not follow the format "{pattern}"')
    places = sum(one in ("9", "0") for one in pieces[point:])
    value = Decimal(f"{whole or 0}.{fraction[:places] or 0}")
    return -value if negative else value
