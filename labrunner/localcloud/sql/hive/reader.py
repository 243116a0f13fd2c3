"""A cursor over the tokens of one statement, with the pieces that several statements have."""

from collections.abc import Mapping

from labrunner.localcloud.sql.cursor import Cursor
from labrunner.localcloud.sql.datatypes import Type, TypeTextError, parse
from labrunner.localcloud.sql.errors import SqlError, unsupported
from labrunner.localcloud.sql.hive.lexer import Kind, Token, lex
from labrunner.localcloud.sql.hive.parsing import near
from labrunner.localcloud.sql.hive.statements import (
    ColumnSpec,
    Name,
    PartitionSpec,
    RowFormat,
    Subquery,
)

DELIMITERS = {
    ("FIELDS",): "field.delim",
    ("COLLECTION", "ITEMS"): "colelction.delim",  # Hive's own spelling
    ("MAP", "KEYS"): "mapkey.delim",
    ("LINES",): "line.delim",
}


class Reader(Cursor[Token]):
    """Reads the tokens of a statement from left to right."""

    def __init__(self, text: str) -> None:
        super().__init__(text, lex(text))

    def expect(self, *words: str) -> None:
        """Take words; raises SqlError if others come."""
        if not self.take(*words):
            raise self.fail()

    def fail(self) -> SqlError:
        """Return the error of a token that may not stand here."""
        return SqlError("parse", near(self.token.text, self.place), self.place)

    def rest(self) -> Subquery:
        """Take everything that is left as the text of a query."""
        place = self.place
        return Subquery(self.remainder(), place)

    # ---- pieces

    def name(self) -> Name:
        """Take the name of a table."""
        place = self.place
        first = self.identifier()
        if self.sign("."):
            return Name(first, self.identifier(), place)
        return Name("", first, place)

    def optional(self, *words: str) -> str | None:
        """Take words and a string, if they come next."""
        return self.string() if self.take(*words) else None

    def type(self) -> Type:
        """Take a type."""
        place, start = self.place, self.token.start
        self.identifier()
        depth = 0
        while True:
            text = self.token.text
            if text in ("<", "("):
                depth += 1
            elif text in (">", ")") and depth:
                depth -= 1
                if depth == 0:
                    self.next()
                    if self.token.text not in ("<", "("):
                        break
                    continue
            elif depth == 0:
                if not self.take("PRECISION"):
                    break
                continue
            if self.token.kind is Kind.END:
                raise self.fail()
            self.next()
        written = self.text[start : self._tokens[self._at - 1].end]
        try:
            return parse(written)
        except TypeTextError as error:
            raise unsupported(f"Hive's type {error.what or written}", place) from None

    def columns(self) -> tuple[ColumnSpec, ...]:
        """Take columns in parentheses."""
        self.expect_sign("(")
        found: list[ColumnSpec] = []
        while True:
            place = self.place
            if self.token.word in ("PRIMARY", "CONSTRAINT", "FOREIGN", "UNIQUE"):
                raise unsupported(f"Hive's constraint {self.token.text}", place)
            name = self.identifier()
            kind = self.type()
            comment = self.optional("COMMENT") or ""
            if self.token.word in ("NOT", "DEFAULT", "PRIMARY", "UNIQUE", "CHECK"):
                raise unsupported(f"Hive's constraint {self.token.text}", self.place)
            if any(one.name == name for one in found):
                text = f"FAILED: SemanticException [Error 10036]: Duplicate column name: {name}"
                raise SqlError("semantic", text, place)
            found.append(ColumnSpec(name, kind, comment))
            if not self.sign(","):
                break
        self.expect_sign(")")
        return tuple(found)

    def names(self) -> tuple[str, ...]:
        """Take names in parentheses."""
        self.expect_sign("(")
        found = [self.identifier()]
        while self.sign(","):
            found.append(self.identifier())
        self.expect_sign(")")
        return tuple(found)

    def properties(self) -> Mapping[str, str]:
        """Take `('name' = 'value', ...)`."""
        self.expect_sign("(")
        found: dict[str, str] = {}
        while True:
            name = self.string()
            self.expect_sign("=")
            found[name] = self.string()
            if not self.sign(","):
                break
        self.expect_sign(")")
        return found

    def partition(self) -> PartitionSpec:
        """Take `PARTITION (name = value, name, ...)` if it comes next."""
        if not self.take("PARTITION"):
            return ()
        self.expect_sign("(")
        found: list[tuple[str, str | None]] = []
        while True:
            name = self.identifier()
            value = None
            if self.sign("="):
                minus = "-" if self.sign("-") else ""
                if self.token.word in ("DATE", "TIMESTAMP") and self.ahead(1).kind is Kind.STRING:
                    self.next()
                if self.token.kind not in (Kind.STRING, Kind.NUMBER):
                    raise self.fail()
                token = self.next()
                value = minus + (token.value if token.kind is Kind.STRING else token.text)
            found.append((name, value))
            if not self.sign(","):
                break
        self.expect_sign(")")
        return tuple(found)

    def row_format(self) -> RowFormat:
        """Take ROW FORMAT and STORED AS, if they come next."""
        serde, delimited, stored = None, None, None
        properties: Mapping[str, str] = {}
        if self.take("ROW", "FORMAT"):
            if self.take("SERDE"):
                serde = self.string()
                if self.take("WITH", "SERDEPROPERTIES"):
                    properties = self.properties()
            else:
                self.expect("DELIMITED")
                delimited = self._delimited()
        if self.take("STORED"):
            if self.take("BY"):
                raise unsupported("Hive's STORED BY", self.place)
            self.expect("AS")
            if self.take("INPUTFORMAT"):
                stored = self.string()
                self.expect("OUTPUTFORMAT")
                self.string()
            else:
                stored = self.identifier().upper()
        return RowFormat(serde, properties, delimited, stored)

    def _delimited(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        while True:
            words = next((one for one in DELIMITERS if self.take(*one)), None)
            if words is None:
                break
            self.expect("TERMINATED", "BY")
            found[DELIMITERS[words]] = self.string()
            if words == ("FIELDS",) and self.take("ESCAPED", "BY"):
                found["escape.delim"] = self.string()
        if self.take("NULL", "DEFINED", "AS"):
            found["serialization.null.format"] = self.string()
        return found
