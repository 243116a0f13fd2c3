"""The words of Redshift's SQL, each with its place; and a script's statements."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from labrunner.localcloud.sql import tokens
from labrunner.localcloud.sql.errors import Place
from labrunner.localcloud.sql.redshift.wording import RedshiftError
from labrunner.localcloud.sql.tokens import Kind

__all__ = ["Kind", "Piece", "Token", "lex", "pieces", "unescaped"]


@dataclass(frozen=True)
class Token(tokens.Token):
    """A token of Redshift's SQL."""

    @property
    def value(self) -> str:
        """What a string, a quoted identifier or a word means; names are in small letters."""
        if self.kind is Kind.STRING:
            return unescaped(self.text)
        if self.kind is Kind.QUOTED:
            return self.text[1:-1].replace('""', '"').lower()
        return self.text.lower()


PATTERN = re.compile(
    r"""
    (?P<space>\s+ | --[^\n]*)
  | (?P<string>'(?:[^'\\]|\\.|'')*' | (?P<dollar>\$[A-Za-z_]*\$).*?(?P=dollar))
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?(?![A-Za-z0-9_]))
  | (?P<escaped>[eE]'(?:[^'\\]|\\.|'')*')
  | (?P<parameter>\$\d+ | (?<!:):(?!:)[A-Za-z_]\w*)
  | (?P<word>\#?[^\W\d][\w$]*)
  | (?P<sign>::|<=|>=|<>|!=|\|\||!~\*|!~|~\*|.)
    """,
    re.VERBOSE | re.DOTALL,
)
KINDS = {
    "string": Kind.STRING,
    "dollar": Kind.STRING,
    "escaped": Kind.STRING,
    "quoted": Kind.QUOTED,
    "number": Kind.NUMBER,
    "parameter": Kind.PARAMETER,
    "word": Kind.WORD,
    "sign": Kind.SIGN,
}
ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def lex(text: str) -> list[Token]:
    """Return the tokens of a text; the last is the end; raises RedshiftError."""
    return tokens.tokens(text, _following, Token, "")


def _following(text: str, at: int, place: Place) -> tuple[int, Kind | None]:
    if text.startswith("/*", at):
        return _comment(text, at, place), None
    match = PATTERN.match(text, at)
    assert match is not None
    kind = match.lastgroup or ""
    if match[0] in ("'", '"'):
        what = "quoted string" if match[0] == "'" else "quoted identifier"
        near = text[at : at + 40]
        message = f'unterminated {what} at or near "{near}"'
        raise RedshiftError("42601", message, place, kind="parse")
    return match.end(), None if kind == "space" else KINDS[kind]


def _comment(text: str, at: int, place: Place) -> int:
    """Return the end of a comment; comments may stand in one another."""
    depth = 0
    for sign in re.finditer(r"/\*|\*/", text[at:]):
        depth += 1 if sign[0] == "/*" else -1
        if depth == 0:
            return at + sign.end()
    message = f'unterminated /* comment at or near "{text[at : at + 40]}"'
    raise RedshiftError("42601", message, place, kind="parse")


def unescaped(source: str) -> str:
    """Return what a string literal means; a backslash quotes, as in PostgreSQL 8.0."""
    source = source.lstrip("eE")
    if source.startswith("$"):
        mark = source.index("$", 1) + 1
        return source[mark:-mark]
    text = source[1:-1].replace("''", "'") if "\\" not in source else source[1:-1]
    if "\\" not in text:
        return text
    return re.sub(r"''|\\([0-7]{1,3}|.)", _unescape, text, flags=re.DOTALL)


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if code is None:
        return "'"
    if code[0] in "01234567":
        return chr(int(code, 8) & 0xFF)
    return ESCAPES.get(code, code)


@dataclass(frozen=True)
class Piece:
    """One statement of a script, and where it begins."""

    text: str
    start: int


def pieces(script: str) -> Iterator[Piece]:
    """Yield a script's statements without their semicolons; raises RedshiftError."""
    start: int | None = None
    end = 0
    for token in lex(script):
        if token.text == ";" or token.kind is Kind.END:
            if start is not None:
                yield Piece(script[start:end], start)
            start = None
            continue
        start = token.start if start is None else start
        end = token.end
