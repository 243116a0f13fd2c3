"""Hive's queries, parsed by sqlglot: its grammar, with functions kept by the names they have."""

import functools
from itertools import pairwise
from typing import Any, ClassVar

from labrunner.localcloud.sql.errors import Place, SqlError
from labrunner.localcloud.sql.hive.lexer import Kind, lex, unescaped
from labrunner.localcloud.sql.values import Node

SUFFIXES = {"Y": 1 << 7, "S": 1 << 15, "L": 1 << 63}


@functools.cache
def _dialect() -> Any:
    from sqlglot import parser
    from sqlglot.dialects.hive import Hive

    base: Any = Hive.Parser

    class QueryParser(base):  # type: ignore[misc]
        # sqlglot rewrites the functions it knows, and thereby forgets which was written.
        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS = {
            name: one for name, one in base.FUNCTION_PARSERS.items() if name in ("CAST", "EXTRACT")
        }
        NO_PAREN_FUNCTION_PARSERS = {
            name: one
            for name, one in base.NO_PAREN_FUNCTION_PARSERS.items()
            if name in ("CASE", "IF")
        }

        # `array(1, 2)[0]` would become the array of what is in the brackets.
        ARRAY_CONSTRUCTORS: ClassVar[dict[str, Any]] = {}

        def _parse_types(self, *args: Any, **options: Any) -> Any:
            # Hive's own parser drops the length of VARCHAR in a cast, which cuts the text.
            return parser.Parser._parse_types(self, *args, **options)  # noqa: SLF001

    class Query(Hive):
        Parser = QueryParser

    return Query()


def parse_query(text: str) -> Node:
    """Parse a SELECT statement; raises SqlError."""
    from sqlglot.errors import ParseError, TokenError

    dialect = _dialect()
    try:
        tokens = dialect.tokenize(text)
    except TokenError:
        raise _parse_error(text, None) from None
    _check(text)
    for token in tokens:
        source = text[token.start : token.end + 1]
        if token.token_type.name == "STRING":
            # sqlglot keeps the backslash of `\\d`; Hive does not.
            token.text = unescaped(source)
    try:
        found = dialect.parser().parse(tokens, text)
    except ParseError as error:
        raise _parse_error(text, error) from None
    if len(found) != 1 or found[0] is None:
        raise _parse_error(text, None)
    return found[0]


def _check(text: str) -> None:
    """Refuse what sqlglot takes and Hive's grammar does not have."""
    tokens = lex(text)
    for before, token in pairwise(tokens):
        if token.text == ":" and before.text == ":":
            raise SqlError("parse", near(token.text, token.place), token.place)
    for token in tokens:
        if token.kind is Kind.NUMBER and token.text[-1:].upper() in SUFFIXES:
            digits = token.text[:-1]
            if not digits.isdecimal() or int(digits) >= SUFFIXES[token.text[-1].upper()]:
                why = f"FAILED: SemanticException [Error 10029]: {at(token.place)} "
                text_ = f"{why}Invalid numerical constant '{token.text}'"
                raise SqlError("semantic", text_, token.place)


def at(place: Place) -> str:
    """Return a place as Hive writes it."""
    return f"Line {place.line}:{place.column}"


def near(text: str, place: Place) -> str:
    """Word a statement that does not parse, as Hive does."""
    where = f"{place.line}:{place.column}"
    return f"FAILED: ParseException line {where} cannot recognize input near '{text}'"


def _parse_error(text: str, error: Any) -> SqlError:
    first = error.errors[0] if error is not None and error.errors else {}
    highlight = str(first.get("highlight") or "").strip() or text.strip()[:20]
    line, column = int(first.get("line") or 1), int(first.get("col") or len(highlight))
    place = Place(line, max(0, column - len(highlight)))
    return SqlError("parse", near(highlight, place), place)
