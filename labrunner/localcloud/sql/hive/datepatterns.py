"""Java's SimpleDateFormat, letter by letter, in DuckDB's SQL: to write a time, and to read one.

After the Javadoc of java.text.SimpleDateFormat, for the locale en_US and the time zone UTC.
"""

import re
from dataclasses import dataclass

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.errors import SqlError, unsupported

# What the letters are in numbers, of a timestamp {0}.
NUMBERS = {
    "M": "month({0})",
    "d": "day({0})",
    "D": "dayofyear({0})",
    "H": "hour({0})",
    "k": "(CASE WHEN hour({0}) = 0 THEN 24 ELSE hour({0}) END)",
    "K": "(hour({0}) % 12)",
    "h": "((hour({0}) + 11) % 12 + 1)",
    "m": "minute({0})",
    "s": "second({0})",
    "S": "(millisecond({0}) % 1000)",
    "u": "isodow({0})",
}
YEAR = "y"
SHORT_NAMES = 3
# What a letter may be where a text is read, and by which field of the time it is kept.
READ = {
    "y": "y",
    "M": "m",
    "d": "d",
    "H": "h",
    "k": "h",
    "h": "h",
    "K": "h",
    "m": "i",
    "s": "s",
    "S": "f",
}
MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]


@dataclass(frozen=True)
class Part:
    """A run of one letter, or a text that stands for itself."""

    letter: str
    count: int
    text: str = ""


def parts(pattern: str) -> list[Part]:
    """Read a pattern; raises SqlError for what SimpleDateFormat refuses."""
    found = []
    for match in re.finditer(r"'((?:[^']|'')*)'|([A-Za-z])\2*|([^A-Za-z']+)|'", pattern):
        if match[0] == "'":
            raise SqlError("execution", f"Unterminated quote in the date format {pattern!r}")
        if match[2]:
            found.append(Part(match[2], len(match[0])))
        else:
            text = match[3] or match[1].replace("''", "'") or "'"
            found.append(Part("", 0, text))
    return found


def written(pattern: str) -> str:
    """Return a template that writes the timestamp {0}; raises SqlError for other letters."""
    pieces = [_written(part, pattern) for part in parts(pattern)]
    return f"({' || '.join(pieces)})" if pieces else "''"


def _written(part: Part, pattern: str) -> str:  # noqa: C901 - a letter a line
    letter, count = part.letter, part.count
    if not letter:
        return quoting.text(part.text)
    if letter == YEAR:
        if count == 2:  # noqa: PLR2004 - two digits, by definition
            return "lpad(CAST(year({0}) % 100 AS VARCHAR), 2, '0')"
        return _padded("year({0})", count)
    if letter == "M" and count >= SHORT_NAMES:
        return "monthname({0})" if count > SHORT_NAMES else "left(monthname({0}), 3)"
    if letter == "E":
        return "dayname({0})" if count > SHORT_NAMES else "left(dayname({0}), 3)"
    if letter == "a":
        return "CASE WHEN hour({0}) < 12 THEN 'AM' ELSE 'PM' END"
    if letter == "G":
        return "'AD'"
    if letter == "Z":
        return "'+0000'"
    if letter == "z" and count <= SHORT_NAMES:
        return "'UTC'"
    if letter == "X" and count <= SHORT_NAMES:
        return "'Z'"
    if letter in NUMBERS:
        return _padded(NUMBERS[letter], count)
    raise _unknown(letter, pattern)


def _padded(number: str, width: int) -> str:
    text = f"CAST({number} AS VARCHAR)"
    return (
        text
        if width == 1
        else f"lpad({text}, CAST(greatest({width}, length({text})) AS INTEGER), '0')"
    )


def _unknown(letter: str, pattern: str) -> SqlError:
    return unsupported(f"The letter {letter} of Hive's date format '{pattern}'")


@dataclass(frozen=True)
class Reader:
    """How a text is read: the pattern for RE2, its fields, and the time that p of them is."""

    regex: str
    fields: tuple[str, ...]
    time: str


def read(pattern: str) -> Reader:
    """Return how texts of a pattern are read, NULL where one does not fit; raises SqlError.

    SimpleDateFormat is lenient: what is too large is carried on, and what follows is left.
    """
    found = parts(pattern)
    regex = "^"
    fields: list[str] = []
    for index, part in enumerate(found):
        after = found[index + 1] if index + 1 < len(found) else None
        if not part.letter:
            regex += re.escape(part.text)
            continue
        piece, name = _read(part, pattern, numeric_next=_is_numeric(after))
        if name in fields:
            raise unsupported(f"Hive's date format '{pattern}' with a field twice")
        fields.append(name)
        regex += piece
    if not fields:
        raise unsupported(f"Hive's date format '{pattern}' without a field")
    return Reader(regex, tuple(fields), _time(fields, found))


def _is_numeric(part: Part | None) -> bool:
    if part is None or not part.letter:
        return False
    return part.letter in READ and not (part.letter == "M" and part.count >= SHORT_NAMES)


def _read(part: Part, pattern: str, *, numeric_next: bool) -> tuple[str, str]:
    letter, count = part.letter, part.count
    if letter == "M" and count >= SHORT_NAMES:
        names = "|".join([*MONTHS, *(one[:3] for one in MONTHS)])
        return f"(?i:({names}))", "n"
    if letter == "a":
        return "(?i:(AM|PM))", "a"
    if letter not in READ or (letter == YEAR and count == 2):  # noqa: PLR2004
        # Two digits of a year depend on the day on which they are read.
        raise _unknown(letter * count, pattern)
    digits = f"([0-9]{{{count}}})" if numeric_next else r"([0-9]+)"
    return (r" *" if not numeric_next else "") + digits, READ[letter]


def _time(fields: list[str], found: list[Part]) -> str:
    """Return the time as SQL over the struct p of the fields."""
    number = "TRY_CAST(p['{}'] AS BIGINT)"
    year = number.format("y") if "y" in fields else "1970"
    months = number.format("m") + " - 1" if "m" in fields else "0"
    if "n" in fields:
        listed = ", ".join(quoting.text(one[:3]) for one in MONTHS)
        months = f"list_position([{listed}], lower(left(p['n'], 3))) - 1"
    days = number.format("d") + " - 1" if "d" in fields else "0"
    hours = number.format("h") if "h" in fields else "0"
    letter = next((one.letter for one in found if READ.get(one.letter) == "h"), "H")
    if letter in "kh":
        hours = f"({hours} % {24 if letter == 'k' else 12})"
    if "a" in fields and letter in "hK":
        hours += " + CASE WHEN upper(p['a']) = 'PM' THEN 12 ELSE 0 END"
    minutes = number.format("i") if "i" in fields else "0"
    seconds = number.format("s") if "s" in fields else "0"
    milliseconds = number.format("f") if "f" in fields else "0"
    first = fields[0]
    return (
        f"CASE WHEN p['{first}'] <> '' THEN make_timestamp({year}, 1, 1, 0, 0, 0)"
        f" + to_months(CAST({months} AS INTEGER)) + to_days(CAST({days} AS INTEGER))"
        f" + to_hours({hours}) + to_minutes({minutes}) + to_seconds({seconds})"
        f" + to_milliseconds({milliseconds}) END"
    )
