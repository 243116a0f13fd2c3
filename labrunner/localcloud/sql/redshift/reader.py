"""A cursor over the tokens of one statement, with the pieces that several statements have."""

from dataclasses import dataclass

from labrunner.localcloud.sql.cursor import Cursor
from labrunner.localcloud.sql.datatypes import Type
from labrunner.localcloud.sql.errors import Place, SqlError, unsupported
from labrunner.localcloud.sql.redshift import types
from labrunner.localcloud.sql.redshift.lexer import Kind, Token, lex
from labrunner.localcloud.sql.redshift.wording import RedshiftError, syntax_error

TWO_WORDS = {
    ("DOUBLE", "PRECISION"): "double precision",
    ("CHARACTER", "VARYING"): "character varying",
    ("BINARY", "VARYING"): "binary varying",
}
ZONED = ("TIMESTAMP", "TIME")


@dataclass(frozen=True)
class Name:
    """The name of a relation: perhaps a database's and a schema's, and its own."""

    parts: tuple[str, ...]
    place: Place | None = None

    @property
    def own(self) -> str:
        """The name without its schema."""
        return self.parts[-1]

    @property
    def schema(self) -> str:
        """The schema, empty if none was given."""
        return self.parts[-2] if len(self.parts) > 1 else ""

    def __str__(self) -> str:
        return ".".join(self.parts)


class Reader(Cursor[Token]):
    """Reads the tokens of a statement from left to right."""

    def __init__(self, text: str) -> None:
        super().__init__(text, lex(text))

    def one_of(self, *words: str) -> str:
        """Take one of several words; an empty text if none comes."""
        return self.next().word if self.token.word in words else ""

    def expect(self, *words: str) -> None:
        """Take words; raises SqlError if others come."""
        for word in words:
            if not self.take(word):
                raise self.fail()

    def fail(self) -> SqlError:
        """Return the error of a token that may not stand here."""
        return syntax_error(self.token.text, self.place)

    # ---- pieces

    def name(self) -> Name:
        """Take the name of a relation."""
        place = self.place
        parts = [self.identifier()]
        while self.sign("."):
            parts.append(self.identifier())
        if len(parts) > 3:  # noqa: PLR2004 - database, schema, relation
            raise RedshiftError("42601", f"improper qualified name: {'.'.join(parts)}", place)
        return Name(tuple(parts), place)

    def names(self) -> tuple[str, ...]:
        """Take names in parentheses."""
        self.expect_sign("(")
        found = [self.identifier()]
        while self.sign(","):
            found.append(self.identifier())
        self.expect_sign(")")
        return tuple(found)

    def number(self) -> int:
        """Take a whole number."""
        if self.token.kind is not Kind.NUMBER or not self.token.text.isdecimal():
            raise self.fail()
        return int(self.next().text)

    def parenthesized(self) -> str:
        """Take what stands between parentheses, as a text."""
        self.expect_sign("(")
        start, depth = self.token.start, 1
        while depth:
            if self.at_end:
                raise self.fail()
            token = self.next()
            if token.kind is Kind.SIGN:
                depth += {"(": 1, ")": -1}.get(token.text, 0)
        return self.text[start : self._tokens[self._at - 1].start]

    def expression(self, *until: str) -> str:
        """Take an expression as a text, to a comma, a closing parenthesis or one of some words."""
        start, depth = self.token.start, 0
        end = start
        while not self.at_end:
            token = self.token
            if depth == 0 and (token.text in (",", ")") or token.word in until):
                break
            if token.kind is Kind.SIGN:
                depth += {"(": 1, ")": -1}.get(token.text, 0)
            end = self.next().end
        if end == start:
            raise self.fail()
        return self.text[start:end]

    def type(self) -> Type:
        """Take the type of a column; raises SqlError for one that is not here."""
        place = self.place
        name = self.identifier()
        pair = (name.upper(), self.token.word)
        if pair in TWO_WORDS:
            name = TWO_WORDS[pair]
            self.next()
        elif name == "national" and self.token.word in ("CHARACTER", "CHAR"):
            self.next()
            varies = self.take("VARYING")
            name = "national character varying" if varies else "national character"
        sizes: list[str] = []
        if self.sign("("):
            sizes.append(self.next().text)
            while self.sign(","):
                sizes.append(self.next().text)
            self.expect_sign(")")
        if name.upper() in ZONED and self.token.word in ("WITH", "WITHOUT"):
            word = self.next().word.lower()
            self.expect("TIME", "ZONE")
            name = f"{name} {word} time zone"
        try:
            return types.of(name, sizes, declared=True)
        except types.NoTypeError as error:
            if error.is_known:
                raise unsupported(f"Redshift's type {error.text}", place) from None
            message = f'type "{error.text}" does not exist'
            raise RedshiftError("42704", message, place) from None
