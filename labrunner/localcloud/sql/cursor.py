"""A cursor over the tokens of one statement: what the readers of the dialects have in common."""

import abc
from typing import Generic

from labrunner.localcloud.sql.errors import Place, SqlError
from labrunner.localcloud.sql.tokens import Kind, Made


class Cursor(abc.ABC, Generic[Made]):
    """Takes tokens from left to right; a dialect says how it words a failure."""

    def __init__(self, text: str, tokens: list[Made]) -> None:
        self.text = text
        self._tokens = tokens
        self._at = 0

    @abc.abstractmethod
    def fail(self) -> SqlError:
        """Return the error of a token that may not stand here."""

    @property
    def token(self) -> Made:
        """The next token."""
        return self._tokens[self._at]

    @property
    def place(self) -> Place:
        """Where the next token is."""
        return self.token.place

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self.token.kind is Kind.END

    def ahead(self, count: int) -> Made:
        """Return a later token."""
        return self._tokens[min(self._at + count, len(self._tokens) - 1)]

    def next(self) -> Made:
        """Take the next token."""
        token = self.token
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def take(self, *words: str) -> bool:
        """Take words if they come next."""
        found = all(self.ahead(i).word == word for i, word in enumerate(words))
        if found:
            self._at += len(words)
        return found

    def sign(self, sign: str) -> bool:
        """Take a sign if it comes next."""
        found = self.token.kind is Kind.SIGN and self.token.text == sign
        if found:
            self._at += 1
        return found

    def expect_sign(self, sign: str) -> None:
        """Take a sign; raises SqlError if something else comes."""
        if not self.sign(sign):
            raise self.fail()

    def end(self) -> None:
        """Expect the end of the statement; raises SqlError."""
        if not self.at_end:
            raise self.fail()

    def remainder(self) -> str:
        """Take everything that is left as a text; raises SqlError if nothing is."""
        if self.at_end:
            raise self.fail()
        found = self.text[self.token.start :]
        self._at = len(self._tokens) - 1
        return found

    def identifier(self) -> str:
        """Take a name."""
        if self.token.kind not in (Kind.WORD, Kind.QUOTED):
            raise self.fail()
        return self.next().value

    def string(self) -> str:
        """Take a string."""
        if self.token.kind is not Kind.STRING:
            raise self.fail()
        return self.next().value
