"""Patterns of Hadoop's paths: `*`, `?`, `[a-c]`, `{x,y}`, one name of a path at a time."""

import re
from collections.abc import Callable


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what says whether a name fits; a name with a leading dot or `_` is one as others."""
    found = re.compile(_expression(pattern), re.DOTALL)
    return lambda name: found.fullmatch(name) is not None


def _expression(pattern: str) -> str:
    text, depth, place = "", 0, 0
    while place < len(pattern):
        sign = pattern[place]
        place += 1
        if sign == "\\" and place < len(pattern):
            text += re.escape(pattern[place])
            place += 1
        elif sign in "*?":
            text += ".*" if sign == "*" else "."
        elif sign == "[" and "]" in pattern[place:]:
            end = pattern.index("]", place)
            inner = pattern[place:end]
            negated = inner[:1] in ("^", "!")
            inner = re.sub(r"([\\\[\]^&~|])", r"\\\1", inner[1:] if negated else inner)
            text += f"[{'^' if negated else ''}{inner}]"
            place = end + 1
        elif sign == "{":
            depth, text = depth + 1, f"{text}(?:"
        elif sign == "}" and depth:
            depth, text = depth - 1, f"{text})"
        elif sign == "," and depth:
            text += "|"
        else:
            text += re.escape(sign)
    return text + ")" * depth
