"""The words of a Hive script, each with its place; for what sqlglot cannot read."""

import re
from dataclasses import dataclass

from labrunner.localcloud.sql import tokens
from labrunner.localcloud.sql.errors import Place, SqlError
from labrunner.localcloud.sql.tokens import Kind

__all__ = ["Kind", "Token", "lex", "unescaped"]


@dataclass(frozen=True)
class Token(tokens.Token):
    """A token of a Hive script."""

    @property
    def value(self) -> str:
        """What a string, a quoted identifier or a word means."""
        if self.kind is Kind.STRING:
            return unescaped(self.text)
        if self.kind is Kind.QUOTED:
            return self.text[1:-1].replace("``", "`").lower()
        return self.text.lower()


PATTERN = re.compile(
    r"""
    (?P<space>\s+ | --[^\n]* | /\*.*?\*/)
  | (?P<string>'(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*")
  | (?P<quoted>`(?:[^`]|``)*`)
  | (?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?(?:BD|bd|[LSYDlsyd])?(?![A-Za-z0-9_]))
  | (?P<word>\w+)
  | (?P<sign><=>|<=|>=|<>|!=|==|\|\||->|.)
    """,
    re.VERBOSE | re.DOTALL,
)
KINDS = {
    "string": Kind.STRING,
    "quoted": Kind.QUOTED,
    "number": Kind.NUMBER,
    "word": Kind.WORD,
    "sign": Kind.SIGN,
}
ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}


def lex(text: str) -> list[Token]:
    """Return the tokens of a text; the last is the end; raises SqlError."""
    return tokens.tokens(text, _following, Token, "<EOF>")


def _following(text: str, at: int, place: Place) -> tuple[int, Kind | None]:
    match = PATTERN.match(text, at)
    assert match is not None
    kind = match.lastgroup or ""
    if match[0] in ("'", '"', "`"):
        what = f"FAILED: ParseException line {place.line}:{place.column} the quote is not closed"
        raise SqlError("parse", what, place)
    return match.end(), None if kind == "space" else KINDS[kind]


def unescaped(source: str) -> str:
    """Return what a string literal means, its quotes included in the source.

    After BaseSemanticAnalyzer.unescapeSQLString: an escaped % or _ keeps its backslash for
    LIKE, any other character that needs no escape loses it.
    """
    text = source[1:-1]
    if "\\" not in text:
        return text
    out, at = [], 0
    while at < len(text):
        char = text[at]
        at += 1
        if char != "\\":
            out.append(char)
            continue
        code = re.match(r"u([0-9A-Fa-f]{4})", text[at:])
        octal = re.match(r"[0-1][0-7]{2}", text[at:])
        if code:
            out.append(chr(int(code[1], 16)))
            at += 5
        elif octal:
            out.append(chr(int(octal[0], 8)))
            at += 3
        else:
            char = text[at : at + 1]
            at += 1
            out.append(f"\\{char}" if char in ("%", "_", "") else ESCAPES.get(char, char))
    return "".join(out)
