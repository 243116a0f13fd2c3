"""Functions of Java's regular expressions, done by Python's."""

import re

from labrunner.localcloud.sql.javaregex import for_python
from labrunner.localcloud.sql.regex_tree import RegexError


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return for_python(text)
    except RegexError as error:
        raise ValueError(f"regular expression: {error}") from None


def find(text: str, pattern: str) -> bool:
    return bool(pattern) and _pattern(pattern).search(text) is not None


def extract(text: str, pattern: str, group: int) -> str | None:
    found = _pattern(pattern).search(text)
    if found is None:
        return ""
    if not 0 <= group <= found.re.groups:
        raise ValueError(f"Regex group count is {found.re.groups}, but the index is {group}")
    return found[group]


def matched_groups(text: str, pattern: str) -> list[str | None] | None:
    found = _pattern(pattern).fullmatch(text)
    return None if found is None else list(found.groups())


def replace(text: str, pattern: str, replacement: str) -> str:
    return _pattern(pattern).sub(lambda match: _expand(match, replacement), text)


def _expand(match: re.Match[str], replacement: str) -> str:
    """Return a replacement of Java's Matcher: `$1`, `${name}`, and a backslash quotes."""
    out = []
    at = 0
    while at < len(replacement):
        char = replacement[at]
        at += 1
        if char == "\\":
            if at == len(replacement):
                raise ValueError("character to be escaped is missing in the replacement")
            out.append(replacement[at])
            at += 1
        elif char == "$":
            digits = re.match(r"\d+", replacement[at:])
            if digits is None:
                raise ValueError("Illegal group reference in the replacement")
            number, used = int(digits[0][0]), 1
            while used < len(digits[0]) and number * 10 + int(digits[0][used]) <= match.re.groups:
                number = number * 10 + int(digits[0][used])
                used += 1
            if number > match.re.groups:
                raise ValueError(f"No group {number}")
            out.append(match[number] or "")
            at += used
        else:
            out.append(char)
    return "".join(out)


def split(text: str, pattern: str) -> list[str]:
    parts, start = [], 0
    for found in _pattern(pattern).finditer(text):
        if found.end() == 0:
            continue  # since Java 8 no empty part leads
        parts.append(text[start : found.start()])
        start = found.end()
    # The limit is -1: empty parts at the end stay.
    return [*parts, text[start:]]


def pairs(text: str, first: str, second: str) -> list[list[str | None]]:
    """Return the pairs of `str_to_map`; the last value of a key counts."""
    found: dict[str, str | None] = {}
    for part in _java_split(text, first, 0):
        both = _java_split(part, second, 2)
        found[both[0]] = both[1] if len(both) > 1 else None
    return [[key, value] for key, value in found.items()]


def _java_split(text: str, pattern: str, limit: int) -> list[str]:
    parts = split(text, pattern)
    if limit and len(parts) > limit:
        match = _pattern(pattern).search(text)
        assert match is not None
        return [text[: match.start()], text[match.end() :]]
    while not limit and len(parts) > 1 and parts[-1] == "":
        parts.pop()
    return parts
