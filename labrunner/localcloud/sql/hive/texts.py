"""Functions of texts as Java, commons-codec, commons-lang and opencsv do them."""

import base64
import contextlib
import hashlib
import re
import zlib
from decimal import ROUND_HALF_UP, Decimal

from labrunner.localcloud.sql.hive.numbers import scaled

SOUNDS = {
    c: d for d, cs in enumerate(["AEIOUY", "BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"]) for c in cs
}
SUPPRESSED = "HW"
FORMAT = re.compile(
    r"%(?:(?P<index>\d+)\$)?(?P<flags>[-#+ 0,(]*)(?P<width>\d+)?(?:\.(?P<precision>\d+))?"
    r"(?P<type>[a-zA-Z%])"
)
PRINTED = {"d": "i", "s": "irdsb", "f": "rd", "x": "i", "e": "rd", "b": "b"}


def decode(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def soundex(text: str) -> str:
    """Return the code of commons-codec's US English Soundex, which Hive uses."""
    letters = [c for c in text.upper() if c.isascii() and c.isalpha()]
    if not letters:
        return ""
    code, last = letters[0], SOUNDS.get(letters[0], 0)
    for letter in letters[1:]:
        if letter in SUPPRESSED:
            continue
        sound = SOUNDS[letter]
        if sound and sound != last:
            code += str(sound)
        last = sound
    return (code + "000")[:4]


def levenshtein(left: str, right: str) -> int:
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def initcap(text: str) -> str:
    """Capitalize each word and lower the rest; words end at white space only."""
    out, first = [], True
    for char in text.lower():
        blank = char.isspace()
        out.append(char if blank or not first else char.upper()[:1])
        first = blank
    return "".join(out)


def sha2(data: bytes, bits: int) -> str | None:
    names = {0: "sha256", 224: "sha224", 256: "sha256", 384: "sha384", 512: "sha512"}
    return hashlib.new(names[bits], data).hexdigest() if bits in names else None


def crc32(data: bytes) -> int:
    return zlib.crc32(data)


def from_base64(text: str) -> bytes | None:
    with contextlib.suppress(ValueError):
        return base64.b64decode(text.encode())
    return None


def from_hex(text: str) -> bytes | None:
    with contextlib.suppress(ValueError):
        return bytes.fromhex("0" * (len(text) % 2) + text) if " " not in text else None
    return None


def split_escaped(text: str, separator: str, escape: str) -> list[str]:
    """Split a line of a table ESCAPED BY a character; the escapes stay."""
    parts, current, at = [], "", 0
    while at < len(text):
        char = text[at]
        if char == escape and at + 1 < len(text):
            current += text[at : at + 2]
            at += 2
            continue
        if char == separator:
            parts.append(current)
            current = ""
        else:
            current += char
        at += 1
    return [*parts, current]


def unescape(text: str, escape: str) -> str:
    out, at = [], 0
    while at < len(text):
        if text[at] == escape and at + 1 < len(text):
            at += 1
            out.append({"r": "\r", "n": "\n"}.get(text[at], text[at]))
        else:
            out.append(text[at])
        at += 1
    return "".join(out)


def printf(template: str, values: list[str | None], kinds: str) -> str:
    """Return a text as Java's Formatter does it; `kinds` has a letter for each value."""
    out, at, index = [], 0, 0
    for match in FORMAT.finditer(template):
        out.append(template[at : match.start()])
        at = match.end()
        if match["type"] in "%n":
            out.append("%" if match["type"] == "%" else "\n")
            continue
        number = int(match["index"]) - 1 if match["index"] else index
        index += not match["index"]
        if number >= len(values):
            raise ValueError(f"Format specifier '{match[0]}'")
        out.append(_formatted(match, values[number], kinds[number]))
    return "".join(out) + template[at:]


def printable(template: str) -> str | None:
    """Return the first specifier of a format that `printf` does not know, None if it knows all."""
    rest = FORMAT.sub("", template)
    if "%" in rest:
        return rest[rest.index("%") :][:2]
    for match in FORMAT.finditer(template):
        if match["type"] not in "dsfx%n" or set(match["flags"]) - set("-+0,"):
            return match[0]
    return None


def _formatted(match: re.Match[str], value: str | None, kind: str) -> str:
    letter, flags = match["type"], match["flags"]
    if value is None:
        text = "null"
    elif letter not in PRINTED or kind not in PRINTED[letter]:
        raise ValueError(f"{letter} != the type of the argument in '{match[0]}'")
    elif letter == "s":
        text = value if match["precision"] is None else value[: int(match["precision"])]
    elif letter == "x":
        bits = 64 if abs(int(value)) >= 1 << 31 else 32
        text = f"{int(value) % (1 << bits):x}"
    else:
        digits = int(match["precision"] or 6) if letter == "f" else 0
        number = scaled(Decimal(value), digits, ROUND_HALF_UP)
        text = format(
            number, f"{'+' if '+' in flags else ''}{',' if ',' in flags else ''}.{digits}f"
        )
    width = int(match["width"] or 0)
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and value is not None:
        sign = text[0] if text[:1] in ("-", "+") else ""
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width)


def mask(text: str, start: int, end: int) -> str:
    """Mask the characters from a place to another, counted from the end where negative."""
    length = len(text)
    low, high = max(0, start), min(length, end)
    out = []
    for index, char in enumerate(text):
        if not low <= index < high:
            out.append(char)
        elif char.isupper():
            out.append("X")
        elif char.islower():
            out.append("x")
        else:
            out.append("n" if char.isdigit() else char)
    return "".join(out)


def csv_fields(line: str, separator: str, quote: str, escape: str) -> list[str]:
    """Return the fields of a line as opencsv reads them, which OpenCSVSerde uses.

    Its versions differ on quotes in the middle of a field, which are refused.
    """
    fields: list[str] = []
    current, quoted, at = "", False, 0
    while at < len(line):
        char, after = line[at], line[at + 1 : at + 2]
        if char == quote and not (quoted and after == quote and escape != after):
            closes = quoted and after in ("", separator)
            if not closes and (quoted or current):
                raise ValueError(f"a quote inside of a CSV field is not supported: {line[:200]}")
            quoted = not quoted
        elif char in (escape, quote):
            if after and after in (quote, escape):
                if not quoted:
                    raise ValueError(f"an escape outside of quotes is not supported: {line[:200]}")
                current += after
                at += 1
        elif char == separator and not quoted:
            fields.append(current)
            current = ""
        else:
            current += char
        at += 1
    # A quote that is not closed on its line loses the field.
    return fields if quoted else [*fields, current]
